/// What a request asks of an endpoint. nil leaves a member as it is; of those that can be taken away, `.some(nil)`
/// takes them.
public struct EndpointChange: Sendable {
    public static let descriptionMax = 256
    public static let typesMax = 100
    public static let rateMax = 10_000
    public static let inFlightMax = 64
    public static let retriesMax = 20
    public static let retrySecondsMax = 86_400
    public static let tokenBytesMax = 1024

    /// The engine checks it, by the environment's rules.
    public var url: String?
    public var description: String?
    public var payload: WebhookEndpoint.Payload?
    public var payloads: [WebhookEndpoint.PayloadRule]?
    public var eventTypes: [String]?
    public var token: String??
    public var headers: EndpointHeaders?
    public var ratePerSecond: Int??
    public var inFlightMax: Int??
    public var ordering: WebhookEndpoint.Ordering?
    public var retrySeconds: [Int]?
    public var signatures: [WebhookEndpoint.Signature]?
    public var splitsTransactions: Bool?
    public var authorities: String??

    public init() {}

    /// Changes what is kept readable of an endpoint. Token and headers are the engine's to seal.
    /// - Throws: `invalidField`, naming the member and what it may be.
    public func apply(to endpoint: inout WebhookEndpoint) throws(DomainError) {
        if let url { endpoint.url = url }
        if let description {
            guard description.count <= Self.descriptionMax, !description.contains(where: \.isNewline) else {
                throw .invalid("description", "must be one line of at most \(Self.descriptionMax) characters.")
            }
            endpoint.description = description
        }
        try applyTypes(to: &endpoint)
        try applyPace(to: &endpoint)
        if let signatures {
            guard !signatures.isEmpty else {
                throw .invalid("signatures", "must name `v1`, `v1a` or both: what is not signed is not sent.")
            }
            endpoint.signatures = Set(signatures)
        }
        if let splitsTransactions { endpoint.splitsTransactions = splitsTransactions }
        if let authorities {
            if let authorities { try AuthorityText.check(authorities) }
            endpoint.authorities = authorities
        }
        if let token {
            if let token { try Self.checkToken(token) }
            endpoint.hasToken = token != nil
        }
        if let headers { endpoint.headerNames = headers.values.map(\.name) }
    }

    private static func checkToken(_ token: String) throws(DomainError) {
        guard (1...tokenBytesMax).contains(token.utf8.count), token.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else {
            throw .invalid("token", "must be at most 1,024 visible ASCII characters without spaces.")
        }
    }

    private func applyTypes(to endpoint: inout WebhookEndpoint) throws(DomainError) {
        if let payload { endpoint.payload = payload }
        if let payloads {
            guard payloads.count <= Self.typesMax else {
                throw .invalid("payloads", "has \(payloads.count) rules. Send at most \(Self.typesMax).")
            }
            for rule in payloads { try Self.check(rule.pattern, "payloads") }
            endpoint.payloads = payloads
        }
        if let eventTypes {
            guard eventTypes.count <= Self.typesMax else {
                throw .invalid("event_types", "has \(eventTypes.count) types. Send at most \(Self.typesMax).")
            }
            for type in eventTypes { try Self.check(type, "event_types") }
            try Self.checkFired(eventTypes)
            endpoint.eventTypes = eventTypes
        }
    }

    private static func check(_ pattern: String, _ field: String) throws(DomainError) {
        guard EventCatalog.all.contains(where: { isMeant($0.name, by: pattern) }) else {
            let known = EventCatalog.all.map(\.name).joined(separator: ", ")
            throw .invalid(
                field,
                "has an unknown type `\(pattern.prefix(40))`. Use a type, or a group such as `transaction.*`; for all "
                    + "events, leave it out or send null. Known: "
                    + "\(known).")
        }
    }

    /// An endpoint that waits for nothing but what is planned would be silent without a word.
    private static func checkFired(_ patterns: [String]) throws(DomainError) {
        let meant = EventCatalog.all.filter { type in patterns.contains { isMeant(type.name, by: $0) } }
        guard !patterns.isEmpty, meant.allSatisfy(\.isPlanned) else { return }
        let names = meant.map { "`\($0.name)`" }.joined(separator: ", ")
        throw .invalid(
            "event_types", "has only what is planned, which nothing fires yet: \(names). Add a type that is live.")
    }

    private static func isMeant(_ name: String, by pattern: String) -> Bool {
        !pattern.contains { $0 == "," || $0 == "=" } && pattern != ".*" && WebhookEndpoint.matches(pattern, name)
    }

    private func applyPace(to endpoint: inout WebhookEndpoint) throws(DomainError) {
        if let ratePerSecond {
            endpoint.ratePerSecond = try Self.limit(ratePerSecond, Self.rateMax, "rate_per_second")
        }
        if let inFlightMax {
            endpoint.inFlightMax = try Self.limit(inFlightMax, Self.inFlightMax, "in_flight_max")
        }
        if let ordering { endpoint.ordering = ordering }
        guard let retrySeconds else { return }
        guard retrySeconds.count <= Self.retriesMax else {
            throw .invalid("retry_seconds", "has \(retrySeconds.count) steps. Send at most \(Self.retriesMax).")
        }
        guard retrySeconds.allSatisfy({ (1...Self.retrySecondsMax).contains($0) }) else {
            throw .invalid("retry_seconds", "must be seconds to wait, each from 1 to \(Self.retrySecondsMax) (a day).")
        }
        endpoint.retrySeconds = retrySeconds
    }

    private static func limit(_ value: Int?, _ max: Int, _ field: String) throws(DomainError) -> Int? {
        guard let value else { return nil }
        guard (1...max).contains(value) else {
            throw .invalid(field, "must be a whole number from 1 to \(max), or null for no limit of its own.")
        }
        return value
    }
}
