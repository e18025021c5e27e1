import Domain

/// A program as the operator's file describes it.
public struct ExecConfiguration: Sendable, Equatable {
    /// The file, as an absolute path, and its arguments.
    public var command: [String]
    /// All of its environment.
    public var variables: [String: String]
    public var folder: String?
    public var limits: ProgramLimits
    /// What the program can do, where that is not left to itself.
    public var capabilities: ExecCapabilities

    /// What is wrong with a file, in a sentence for the operator.
    public struct Mistake: Error, Sendable, Equatable, CustomStringConvertible {
        /// As in `limits.memory_mb`.
        public let member: String
        /// Ends the sentence that the member begins.
        public let what: String
        public var description: String { "`\(member)` \(what)" }
    }

    /// The members that belong to programs; a file has others, which say what it serves.
    public static let members: Set<String> = ["command", "variables", "folder", "limits", "capabilities"]

    /// A program that is known from its command alone.
    public init(command: [String]) {
        self.command = command
        variables = [:]
        limits = ProgramLimits()
        capabilities = ExecCapabilities()
    }

    /// Reads the members that belong to programs and passes over all others.
    public init(_ value: JSONValue) throws(Mistake) {
        self.init(command: try Self.command(value["command"]))
        variables = try Self.variables(value["variables"])
        folder = try Self.folder(value["folder"])
        limits = try Self.limits(value["limits"])
        capabilities = try ExecCapabilities(value["capabilities"] ?? [:], of: "capabilities.", isStrict: true)
    }

    private static func command(_ value: JSONValue?) throws(Mistake) -> [String] {
        let words = (value?.elements ?? []).compactMap(\.text)
        guard let path = words.first, words.count == value?.elements?.count, words.count <= 100 else {
            throw Mistake(
                member: "command", what: "is a list of texts: the program's path, then its arguments.")
        }
        guard path.hasPrefix("/") else {
            throw Mistake(member: "command[0]", what: "is an absolute path such as /opt/banks/palm.py.")
        }
        guard words.allSatisfy({ !$0.utf8.contains(0) && $0.utf8.count <= 4096 }) else {
            throw Mistake(member: "command", what: "has a word that no program can be given.")
        }
        return words
    }

    private static func variables(_ value: JSONValue?) throws(Mistake) -> [String: String] {
        guard let value else { return [:] }
        let wrong = Mistake(
            member: "variables",
            what: "is an object of texts, such as {\"TZ\": \"Africa/Lagos\"}. Keep secrets in settings.")
        guard let members = value.members, members.count <= 100 else { throw wrong }
        var found: [String: String] = [:]
        for (name, value) in members {
            guard let text = value.text, !name.isEmpty, !name.contains("="), !name.utf8.contains(0),
                !text.utf8.contains(0)
            else { throw wrong }
            found[name] = text
        }
        return found
    }

    private static func folder(_ value: JSONValue?) throws(Mistake) -> String? {
        guard let value, !value.isNull else { return nil }
        guard let folder = value.text, folder.hasPrefix("/"), !folder.utf8.contains(0) else {
            throw Mistake(member: "folder", what: "is the absolute path of a folder to start the program in.")
        }
        return folder
    }

    private static func limits(_ value: JSONValue?) throws(Mistake) -> ProgramLimits {
        var limits = ProgramLimits()
        guard let value else { return limits }
        guard let members = value.members else { throw Mistake(member: "limits", what: "is an object of numbers.") }
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            guard let limit = Self.limits.first(where: { $0.name == name }) else {
                let known = Self.limits.map(\.name).joined(separator: ", ")
                throw Mistake(member: "limits.\(name.prefix(40))", what: "is not known. Known are \(known).")
            }
            guard case .integer(let number) = value, limit.range.contains(number) else {
                let range = "\(limit.range.lowerBound) to \(limit.range.upperBound)"
                throw Mistake(member: "limits.\(name)", what: "is a whole number from \(range).")
            }
            limit.set(&limits, number)
        }
        return limits
    }

    /// A limit as files name it.
    struct Limit: Sendable {
        let name: String
        let range: ClosedRange<Int64>
        let set: @Sendable (inout ProgramLimits, Int64) -> Void
    }

    static let limits: [Limit] = [
        Limit(name: "start_seconds", range: 1...300) { $0.startMs = $1 * 1000 },
        Limit(name: "call_seconds", range: 1...300) { $0.callMs = $1 * 1000 },
        Limit(name: "stop_seconds", range: 0...20) { $0.stopMs = $1 * 1000 },
        Limit(name: "memory_mb", range: 16...65_536) { $0.memoryBytes = $1 << 20 },
        Limit(name: "line_mb", range: 1...64) { $0.lineBytes = Int($1) << 20 },
        Limit(name: "output_mb_per_minute", range: 1...65_536) { $0.outputBytesPerMinute = Int($1) << 20 },
        Limit(name: "error_kb_per_minute", range: 16...65_536) { $0.errorBytesPerMinute = Int($1) << 10 },
        Limit(name: "open_files", range: 16...65_536) { $0.openFiles = $1 },
        Limit(name: "processes", range: 1...16) { $0.processes = Int($1) },
    ]
}

/// What a program can do, as its operator or it itself says; nil where neither does.
public struct ExecCapabilities: Sendable, Equatable {
    public var products: Set<Product>?
    public var historyMonthsMax: Int?
    public var windowDaysMax: Int?
    public var reportsPending: Bool?
    public var isUnattended: Bool?
    public var callsPerDay: Int?
    public var callsAtOnce: Int?
    public var intervalMinutesMin: Int?

    static let members = [
        "products", "history_months_max", "window_days_max", "reports_pending", "unattended",
        "calls_per_day",
        "calls_at_once", "interval_minutes_min",
    ]

    public init() {}

    /// - Parameters:
    ///   - path: stands before each member's name in a mistake.
    ///   - isStrict: members that are not known are a mistake.
    init(_ value: JSONValue, of path: String, isStrict: Bool) throws(ExecConfiguration.Mistake) {
        guard let members = value.members else {
            throw ExecConfiguration.Mistake(member: String(path.dropLast()), what: "is an object.")
        }
        if isStrict, let unknown = members.keys.sorted().first(where: { !Self.members.contains($0) }) {
            let known = Self.members.joined(separator: ", ")
            throw ExecConfiguration.Mistake(
                member: path + unknown.prefix(40), what: "is not known. Known are \(known).")
        }
        products = try Self.products(value["products"], path)
        historyMonthsMax = try Self.number(value, "history_months_max", 1...120, path)
        windowDaysMax = try Self.number(value, "window_days_max", 1...366, path)
        reportsPending = try Self.bool(value, "reports_pending", path)
        isUnattended = try Self.bool(value, "unattended", path)
        callsPerDay = try Self.number(value, "calls_per_day", 1...1_000_000, path)
        callsAtOnce = try Self.number(value, "calls_at_once", 1...1000, path)
        intervalMinutesMin = try Self.number(value, "interval_minutes_min", 1...10_080, path)
    }

    private static func products(
        _ value: JSONValue?, _ path: String
    ) throws(ExecConfiguration.Mistake) -> Set<Product>? {
        guard let value, !value.isNull else { return nil }
        let products = (value.elements ?? []).compactMap { $0.text.flatMap(Product.init(rawValue:)) }
        guard !products.isEmpty, products.count == value.elements?.count else {
            let known = Product.allCases.map(\.rawValue).joined(separator: ", ")
            throw ExecConfiguration.Mistake(member: path + "products", what: "is a list of some of \(known).")
        }
        return Set(products)
    }

    private static func number(
        _ value: JSONValue, _ name: String, _ range: ClosedRange<Int>, _ path: String
    ) throws(ExecConfiguration.Mistake) -> Int? {
        guard let member = value[name], !member.isNull else { return nil }
        guard case .integer(let number) = member, let number = Int(exactly: number), range.contains(number) else {
            throw ExecConfiguration.Mistake(
                member: path + name, what: "is a whole number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    private static func bool(
        _ value: JSONValue, _ name: String, _ path: String
    ) throws(ExecConfiguration.Mistake) -> Bool? {
        guard let member = value[name], !member.isNull else { return nil }
        guard case .bool(let bool) = member else {
            throw ExecConfiguration.Mistake(member: path + name, what: "is true or false.")
        }
        return bool
    }

    /// The operator's word counts, then the program's, then what is usual.
    func capabilities(told: ExecCapabilities) -> Capabilities {
        let usual = Capabilities(products: [.auth, .accounts, .balance, .transactions])
        return Capabilities(
            products: (products ?? told.products)?.union([.auth]) ?? usual.products,
            reportsPending: reportsPending ?? told.reportsPending ?? false, pushes: false,
            historyMonthsMax: historyMonthsMax ?? told.historyMonthsMax ?? usual.historyMonthsMax,
            windowDaysMax: windowDaysMax ?? told.windowDaysMax ?? usual.windowDaysMax,
            isUnattended: isUnattended ?? told.isUnattended ?? true,
            budget: CallBudget(total: callsPerDay ?? told.callsPerDay),
            limits: BankLimits(concurrency: callsAtOnce ?? told.callsAtOnce),
            intervalMsMin: Int64(intervalMinutesMin ?? told.intervalMinutesMin ?? 0) * 60_000)
    }
}
