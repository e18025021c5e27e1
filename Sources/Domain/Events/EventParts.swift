/// One webhook per transaction, for endpoints that ask for it: the parts of an event that tells of several.
///
/// Parts count from 1 and are made of the event's own members when they are sent, so that nothing is kept twice. Each
/// has an id of its own, the event's with `_` and its number, and the sequence number of the event.
public struct EventParts: Sendable {
    /// Types whose events are sent in parts.
    public static let types: Set<String> = ["transaction.success", "transaction.updated", "transaction.removed"]

    private let members: [String: JSONValue]
    private let ids: [JSONValue]

    /// - Parameter members: an event's, thin or complete, without their braces.
    /// - Throws: `invalid_json`.
    public init(_ members: [UInt8]) throws {
        let value = try JSONValue(parsing: [UInt8(ascii: "{")] + members + [UInt8(ascii: "}")])
        self.members = value.members ?? [:]
        ids = value["data"]?["query"]?["ids"]?.elements ?? []
    }

    /// Of how many rows the event tells; 0 when somebody asked and there was nothing new.
    public var count: Int { ids.count }

    /// The ids of the rows.
    public var rows: [String] { ids.compactMap(\.text) }

    /// The days that were looked at, as ISO days; nil when the event does not say.
    public var days: (from: String, to: String)? {
        let query = members["data"]?["query"]
        guard let from = query?["from"]?.text, let to = query?["to"]?.text else { return nil }
        return (from, to)
    }

    /// The members of one part, without their braces; those of the whole event for a part that there is not.
    public func body(part: Int) -> [UInt8] {
        var body = members
        if ids.indices.contains(part - 1) {
            let suffix = "_\(part)"
            if let id = members["event_id"]?.text { body["event_id"] = .string(id + suffix) }
            body["data"] = data(part, suffix)
            if members["new_transactions"] != nil { body["new_transactions"] = 1 }
            if members["removed_transactions"] != nil { body["removed_transactions"] = .array([ids[part - 1]]) }
        }
        var writer = JSONWriter(capacity: 2048)
        writer.value(.object(body))
        return Array(writer.bytes.dropFirst().dropLast())
    }

    /// As `EventParts(members).body(part:)`.
    public static func body(_ members: [UInt8], part: Int) throws -> [UInt8] {
        part == 0 ? members : try EventParts(members).body(part: part)
    }

    private func data(_ part: Int, _ suffix: String) -> JSONValue {
        var data = members["data"]?.members ?? [:]
        data["part"] = .integer(Int64(part))
        data["parts"] = .integer(Int64(ids.count))
        data["count"] = 1
        if let rows = data["resource"]?.elements, rows.indices.contains(part - 1) {
            data["resource"] = .array([rows[part - 1]])
        }
        var query = data["query"]?.members ?? [:]
        query["ids"] = .array([ids[part - 1]])
        query["count"] = 1
        if let id = query["body"]?["event_id"]?.text { query["body"] = ["event_id": .string(id + suffix)] }
        data["query"] = .object(query)
        return .object(data)
    }
}
