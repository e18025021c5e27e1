/// How often a linked account is refreshed: the eight intervals of the widget option.
public enum RefreshInterval: String, Sendable, CaseIterable {
    case oneMinute = "one_minute"
    case fiveMinute = "five_minute"
    case fifteenMinute = "fifteen_minute"
    case thirtyMinute = "thirty_minute"
    case oneHour = "one_hour"
    case sixHours = "six_hours"
    case twelveHours = "twelve_hours"
    case daily

    public var ms: Int64 {
        let minutes: Int64 =
            switch self {
            case .oneMinute: 1
            case .fiveMinute: 5
            case .fifteenMinute: 15
            case .thirtyMinute: 30
            case .oneHour: 60
            case .sixHours: 360
            case .twelveHours: 720
            case .daily: 1440
            }
        return minutes * 60_000
    }

    public init(wire name: String) throws(DomainError) {
        guard let interval = RefreshInterval(rawValue: name) else {
            let known = RefreshInterval.allCases.map(\.rawValue).joined(separator: ", ")
            throw DomainError(
                .unknownInterval, "`\(name.prefix(40))` is not an interval. Use one of: \(known).",
                field: "refresh.interval")
        }
        self = interval
    }
}

/// The asked rhythm of one connection; nil means on demand only.
public struct RefreshSetting: Hashable, Sendable {
    public var balance: RefreshInterval?
    public var transactions: RefreshInterval?
    public var webhookURL: String?

    public init(balance: RefreshInterval?, transactions: RefreshInterval?, webhookURL: String? = nil) {
        self.balance = balance
        self.transactions = transactions
        self.webhookURL = webhookURL
    }

    public static let daily = RefreshSetting(balance: .daily, transactions: .daily)
    public static let onDemand = RefreshSetting(balance: nil, transactions: nil)

    /// Reads the widget option: absent or `true` is daily, `false` is on demand, an object is
    /// `{interval, products, webhook_url}`.
    public init(option: JSONValue?) throws(DomainError) {
        switch option {
        case nil, .null, .bool(true), .string("true"), .string(""): self = .daily
        case .bool(false), .string("false"): self = .onDemand
        case .object(let members): self = try RefreshSetting(members: members)
        default: throw .invalid("refresh", "must be true, false, or an object {interval, products, webhook_url}.")
        }
    }

    private init(members: [String: JSONValue]) throws(DomainError) {
        var interval = RefreshInterval.daily
        switch members["interval"] {
        case nil, .null, .string(""): break
        case .string(let name): interval = try RefreshInterval(wire: name)
        default: throw .invalid("refresh.interval", "must be a text such as \"daily\".")
        }
        var products: Set<Product> = [.balance, .transactions]
        if let listed = members["products"], !listed.isNull {
            guard let names = listed.elements?.map(\.text), names.allSatisfy({ $0 != nil }) else {
                throw .invalid("refresh.products", "must be a list of product names.")
            }
            products = []
            for name in names {
                let product: Product
                do throws(DomainError) {
                    product = try Product(wire: name ?? "")
                } catch {
                    throw error.renaming(["products": "refresh.products"])
                }
                guard product == .balance || product == .transactions else {
                    throw .invalid("refresh.products", "can hold only balance and transactions.")
                }
                products.insert(product)
            }
        }
        var url: String?
        switch members["webhook_url"] {
        case nil, .null, .string(""): break
        case .string(let text): url = text
        default: throw .invalid("refresh.webhook_url", "must be a URL.")
        }
        self.init(
            balance: products.contains(.balance) ? interval : nil,
            transactions: products.contains(.transactions) ? interval : nil, webhookURL: url)
    }

    /// The next due time after a run at `now`: the connection's own phase on the interval's grid, so that
    /// many connections on one interval do not arrive together.
    public static func nextDue(after now: Instant, interval: RefreshInterval, phase: UInt64) -> Instant {
        Spread.next(after: now, periodMs: interval.ms, phase: phase)
    }
}
