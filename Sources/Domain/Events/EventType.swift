/// A kind of thing that happens, by its name on the wire. Each has a file in `Types` and a line in `EventCatalog.all`.
public struct EventType: Sendable {
    /// What it belongs to, whose sequence counts it.
    public enum Source: String, Sendable {
        /// A connection.
        case record
        /// The environment: banks, endpoints, links that came to nothing.
        case environment
    }
    /// What came of fetching or doing something.
    public enum Outcome: String, Sendable, CaseIterable { case success, failed }

    /// How Okra's envelope names it.
    public struct Okra: Sendable {
        /// `method` and `callback_type`.
        public let methods: [String]
        /// `code` and `callback_code`.
        public let codes: [String]
        init(_ methods: [String], _ codes: [String]) {
            self.methods = methods
            self.codes = codes
        }
    }

    /// An example of what is particular to the event.
    public struct Example: Sendable {
        /// Members of `data`.
        public let data: JSONValue
        /// `data.resource` of a complete body.
        public let resource: JSONValue?
        /// Members at the top of Okra's envelope.
        public let top: JSONValue
        /// The same of a complete body.
        public let completeTop: JSONValue
        init(
            _ data: JSONValue, resource: JSONValue? = nil, top: JSONValue = [:], completeTop: JSONValue? = nil
        ) {
            self.data = data
            self.resource = resource
            self.top = top
            self.completeTop = completeTop ?? top
        }
    }

    public let name: String
    /// What it tells, for the documents.
    public let meaning: String
    public let source: Source
    /// Whether a connection's refresh URL gets it too.
    public let isRefresh: Bool
    /// Nothing fires it yet; its name is kept for what comes.
    public let isPlanned: Bool
    /// Whether Okra's envelope has `is_error` as its status.
    public let isError: Bool
    public let okra: Okra
    /// What `query` in `data` leads to.
    public let leadsTo: ChangeQuery.Kind
    /// Members of `data`, beside those that all events of the source have.
    public let data: [EventMember]
    /// `data.resource` of a complete body; nil where the event has none.
    public let resource: EventSchema?
    /// Members at the top of Okra's envelope.
    public let top: [EventMember]
    /// The same of a complete body.
    public let completeTop: [EventMember]
    public let example: Example

    init(
        _ name: String, _ meaning: String, of source: Source = .record, isRefresh: Bool = false,
        isPlanned: Bool = false, isError: Bool = false, okra: Okra, leadsTo: ChangeQuery.Kind,
        data: [EventMember] = [], resource: EventSchema? = nil, top: [EventMember] = [],
        completeTop: [EventMember]? = nil, example: Example = Example([:])
    ) {
        self.name = name
        self.meaning = meaning
        self.source = source
        self.isRefresh = isRefresh
        self.isPlanned = isPlanned
        self.isError = isError
        self.okra = okra
        self.leadsTo = leadsTo
        self.data = data
        self.resource = resource
        self.top = top
        self.completeTop = completeTop ?? top
        self.example = example
    }

    /// What it is about: the first part of its name.
    public var subject: String { name.split(separator: ".").first.map { String($0) } ?? name }

    /// What came of it; nil for what is neither.
    public var outcome: Outcome? { name.split(separator: ".").last.flatMap { Outcome(rawValue: String($0)) } }

    /// Whether there is a complete body: one with what is personal, and with `resource` where the event has one.
    public var hasComplete: Bool { source == .record && leadsTo != .lastEvent }

    /// Whether it says of the transactions of an account which are new, other or gone.
    public var isSplit: Bool { EventParts.types.contains(name) }
}

extension EventType: Hashable {
    public static func == (one: EventType, other: EventType) -> Bool { one.name == other.name }
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
