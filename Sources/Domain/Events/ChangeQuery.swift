/// How to get exactly what an event tells of, for receivers whose webhooks are thin: a call of the native API.
public struct ChangeQuery: Sendable, Equatable {
    /// What it leads to.
    public enum Kind: String, Sendable {
        case connection, account, transactions, refresh, identity, income, completeness, schedule, lastEvent,
            linkSession, institution, endpoint

        /// The call's path, with what goes into it in braces.
        public var template: String {
            switch self {
            case .connection: "/api/v1/connections/{record}"
            case .account: "/api/v1/accounts/{account}"
            case .transactions: "/api/v1/transactions/lookup"
            case .refresh: "/api/v1/refreshes/{refresh}"
            case .identity: "/api/v1/identities/{identity}"
            case .income: "/api/v1/accounts/{account}/income"
            case .completeness: "/api/v1/accounts/{account}/completeness"
            case .schedule: "/api/v1/connections/{record}/refresh"
            case .lastEvent: "/api/v1/events?connection={record}&types=record.removed"
            case .linkSession: "/api/v1/link_sessions/{session}"
            case .institution: "/api/v1/institutions/{institution}"
            case .endpoint: "/api/v1/webhook_endpoints/{endpoint}"
            }
        }

        public var method: String { self == .transactions ? "POST" : "GET" }

        func path(_ id: String) -> String {
            let template = template
            guard let open = template.firstIndex(of: "{"), let close = template.firstIndex(of: "}") else {
                return template
            }
            return template[..<open] + id + template[template.index(after: close)...]
        }
    }

    public let kind: Kind
    public let path: String
    /// The ids of what the reply shows.
    public let ids: [String]
    /// The days that were looked at, for transactions.
    public let window: DayWindow?

    /// - Parameter id: stands in the path, and is what the reply shows unless `ids` says otherwise.
    public init(_ kind: Kind, _ id: String, ids: [String]? = nil, window: DayWindow? = nil) {
        self.kind = kind
        path = kind.path(id)
        self.ids = ids ?? [id]
        self.window = window
    }

    /// Writes the object's members: `method`, `path`, `body`, `ids`, `from`, `to`, `count`.
    /// - Parameter event: the event's own id, by which its rows are looked up.
    public func write(event: String, _ out: inout JSONWriter) {
        out.member("method", kind.method)
        out.member("path", path)
        if kind == .transactions {
            out.object("body") { $0.member("event_id", event) }
        } else {
            out.null("body")
        }
        let shown = kind == .lastEvent ? [event] : ids
        out.array("ids") { out in for id in shown { out.string(id) } }
        out.member("from", window?.from.iso)
        out.member("to", window?.to.iso)
        out.member("count", shown.count)
    }

    static func schema(_ kind: Kind) -> EventSchema {
        .object([
            EventMember("method", .one(of: [kind.method])),
            EventMember("path", .text, "Behind the address of the API."),
            EventMember(
                "body", kind == .transactions ? .object([EventMember("event_id", .eventID)]) : .nothing,
                "To be sent with it."),
            EventMember("ids", .list(of: .text), "Of what the reply shows: this and nothing else has changed."),
            EventMember("from", .day.orNull, "The first of the days that were looked at."),
            EventMember("to", .day.orNull, "The last of them."),
            EventMember("count", .count, "How many ids there are."),
        ])
    }
}
