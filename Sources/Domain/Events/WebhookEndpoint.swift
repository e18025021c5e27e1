/// Where events are sent, and how.
public struct WebhookEndpoint: Sendable, Equatable {
    /// Where the endpoint comes from, which decides what it is sent.
    public enum Source: String, Sendable {
        /// The environment's own URL: every event.
        case environment
        /// Made by the API: every event, or those of its types, of the environment or of one connection.
        case api
        /// Named by a widget run: only its record's events, thin, without the bearer token.
        case connection
    }
    /// How much an event tells: `complete` adds personal data to what `thin` has.
    public enum Payload: String, Sendable, CaseIterable { case thin, complete }

    /// Whether it is sent to.
    public enum Status: String, Sendable, CaseIterable {
        case active
        /// Events become deliveries, which wait until it is resumed.
        case paused
        /// Gone, failing for days, or switched off: events are kept, but no longer become deliveries. What waited
        /// when it was disabled goes when it is enabled again.
        case disabled
    }

    /// What may not overtake what.
    public enum Ordering: String, Sendable, CaseIterable {
        case none
        /// One at a time: a delivery that fails holds all others up.
        case endpoint
        /// One at a time of each connection.
        case connection
    }

    /// The schemes of Standard Webhooks: HMAC-SHA256 under a shared secret, or Ed25519.
    public enum Signature: String, Sendable, CaseIterable { case v1, v1a }

    /// How much events of some types tell.
    public struct PayloadRule: Sendable, Equatable {
        /// A type, or a group as in `account.*`.
        public var pattern: String
        public var payload: Payload
        public init(pattern: String, payload: Payload) {
            self.pattern = pattern
            self.payload = payload
        }
    }

    public var id: ID<WebhookEndpoint>
    public var url: String
    public var source: Source
    public var description = ""
    public var status = Status.active
    /// Why it is paused or disabled; empty while it is active.
    public var statusReason = ""
    /// Since when it has its status, in machine time.
    public var statusSince: Instant
    /// nil: events of all connections.
    public var connectionID: String?
    /// What events get that no rule of `payloads` names.
    public var payload: Payload
    /// The first that names the event's type wins.
    public var payloads: [PayloadRule] = []
    /// Exact names or `prefix.*`; empty means all.
    public var eventTypes: [String]
    public var laneID: Int64
    /// Requests a second; nil is no limit.
    public var ratePerSecond: Int?
    /// Requests at once; nil is as many as it answers well.
    public var inFlightMax: Int?
    public var ordering = Ordering.none
    /// Seconds from each failed attempt to the next; empty is the standard schedule.
    public var retrySeconds: [Int] = []
    public var signatures: Set<Signature> = [.v1]
    /// One `transaction.success` for each transaction instead of one for each account and step.
    public var splitsTransactions = false
    /// PEM of the authorities that its certificate may come from instead of the system's; nil is the system's.
    public var authorities: String?
    /// Whether a bearer token is sent with every event; it is sealed.
    public var hasToken = false
    /// The names of the headers that are sent beside ours; their values are sealed.
    public var headerNames: [String] = []
    public var createdAt: Instant

    public init(
        id: ID<WebhookEndpoint>, url: String, source: Source, payload: Payload = .thin, eventTypes: [String] = [],
        laneID: Int64, createdAt: Instant
    ) {
        self.id = id
        self.url = url
        self.source = source
        self.payload = payload
        self.eventTypes = eventTypes
        self.laneID = laneID
        self.createdAt = createdAt
        statusSince = createdAt
    }

    /// Whether its events become deliveries.
    public var isRouted: Bool { status != .disabled }

    /// Whether it is sent events of this type: it names none, the type itself, or its group as in `account.*`.
    public func wants(_ type: String) -> Bool {
        eventTypes.isEmpty || eventTypes.contains { Self.matches($0, type) }
    }

    /// How much an event of this type tells it.
    public func payload(for type: String) -> Payload {
        payloads.first { Self.matches($0.pattern, type) }?.payload ?? payload
    }

    /// Whether a complete body may be wanted at all.
    public var mayWantComplete: Bool { payload == .complete || payloads.contains { $0.payload == .complete } }

    /// Whether a name or a group as in `account.*` means the type.
    public static func matches(_ pattern: String, _ type: String) -> Bool {
        pattern == type || (pattern.hasSuffix(".*") && type.hasPrefix(pattern.dropLast(1)))
    }
}

extension [WebhookEndpoint] {
    /// The first of each URL: equal URLs get one delivery of an event.
    public var distinct: [WebhookEndpoint] {
        guard count > 1 else { return self }
        var seen: Set<String> = []
        return filter { seen.insert($0.url).inserted }
    }
}
