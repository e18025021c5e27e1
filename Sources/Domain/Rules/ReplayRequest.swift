/// Which events are sent again.
public struct ReplayRequest: Sendable, Equatable {
    /// One event alone.
    public var event: Int64?
    /// Types by name, or groups as in `transaction.*`.
    public var types: [String]
    /// Empty for the events that belong to none.
    public var connection: String?
    /// Where the event stands with the endpoint; empty for all.
    public var states: Set<DeliveryState>
    /// Only what was never tried at the endpoint and does not wait for it.
    public var neverAttempted: Bool
    /// When the event happened, in the environment's time; both ends are inclusive.
    public var from: Instant?
    public var to: Instant?

    public init(
        event: Int64? = nil, types: [String] = [], connection: String? = nil, states: Set<DeliveryState> = [],
        neverAttempted: Bool = false, from: Instant? = nil, to: Instant? = nil
    ) {
        self.event = event
        self.types = types
        self.connection = connection
        self.states = states
        self.neverAttempted = neverAttempted
        self.from = from
        self.to = to
    }

    /// Whether it says anything: to send again all that is kept must be asked for in some way.
    public var isEmpty: Bool {
        event == nil && types.isEmpty && connection == nil && states.isEmpty && !neverAttempted && from == nil
            && to == nil
    }

    /// Whether it asks for what was sent before, beside the event itself.
    public var asksForDeliveries: Bool { neverAttempted || !states.isEmpty }

    /// Whether an event is meant, as far as it itself says.
    public func wants(type: String, connection: String, at instant: Instant) -> Bool {
        let filter = LogFilter(types: types, from: from, to: to)
        return filter.wants(type: type) && filter.wants(at: instant) && (self.connection ?? connection) == connection
    }

    /// Whether an event is meant by where it stands with the endpoint.
    /// - Parameter deliveries: of the event at the endpoint, each with whether it was tried.
    public func wants(_ deliveries: [(state: DeliveryState, isTried: Bool)]) -> Bool {
        if neverAttempted && deliveries.contains(where: { $0.isTried || $0.state.isQueued }) { return false }
        return states.isEmpty || deliveries.contains { states.contains($0.state) }
    }

    // MARK: as it is kept

    /// The members that are set, under the names of the API.
    public func write(_ out: inout JSONWriter) {
        if let event { out.member("event", LogID.event(event)) }
        if !types.isEmpty { out.array("types") { out in for type in types { out.string(type) } } }
        if let connection { out.member("connection", connection.isEmpty ? LogFilter.none : connection) }
        if !states.isEmpty {
            out.array("status") { out in for state in states.map(\.rawValue).sorted() { out.string(state) } }
        }
        if neverAttempted { out.member("never_attempted", true) }
        if let from { out.member("from", from) }
        if let to { out.member("to", to) }
    }

    /// The object of `write`.
    public init(json: [UInt8]) throws {
        let members = try JSONValue(parsing: json)
        func texts(_ name: String) -> [String] { members[name]?.elements?.compactMap(\.text) ?? [] }
        func instant(_ name: String) -> Instant? { members[name]?.text.flatMap { Instant(iso: $0) } }
        self.init(
            event: members["event"]?.text.flatMap(LogID.event), types: texts("types"),
            connection: members["connection"]?.text.map { $0 == LogFilter.none ? "" : $0 },
            states: Set(texts("status").compactMap(DeliveryState.init)),
            neverAttempted: members["never_attempted"] == .bool(true), from: instant("from"), to: instant("to"))
    }
}

/// Chooses what tells a record's state anew.
public enum LatestEvents {
    /// Products as the first part of a type names them.
    public static let products = ["auth", "accounts", "balance", "transaction", "identity", "income"]

    /// Of events that come newest first, the first of each product; of products that are told by account, the first
    /// of each account.
    public static func choose<Event>(
        _ events: [Event], products: Set<String>, type: (Event) -> String, account: (Event) -> String?
    ) -> [Event] {
        var seen: Set<[String]> = []
        return events.filter { event in
            let product = String(type(event).prefix { $0 != "." })
            guard products.contains(product) else { return false }
            return seen.insert([product, account(event) ?? ""]).inserted
        }
    }
}
