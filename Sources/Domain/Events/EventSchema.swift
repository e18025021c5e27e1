/// A JSON Schema (2020-12), as far as events need it.
public struct EventSchema: Sendable, Hashable {
    public let json: JSONValue

    init(_ json: JSONValue) { self.json = json }

    static let text = EventSchema(["type": "string"])
    static let flag = EventSchema(["type": "boolean"])
    static let integer = EventSchema(["type": "integer"])
    static let count = EventSchema(["type": "integer", "minimum": 0])
    /// A decimal of major units, as Okra's members have it.
    static let amount = EventSchema(["type": "number"])
    static let id = EventSchema(["type": "string", "pattern": "^[0-9a-f]{24}$"])
    static let refreshID = EventSchema(["type": "string", "pattern": "^[0-9]+$"])
    static let eventID = EventSchema(["type": "string", "pattern": "^evt_[0-9]{19}(_[0-9]+)?$"])
    static let instant = EventSchema(["type": "string", "format": "date-time"])
    static let day = EventSchema(["type": "string", "format": "date"])
    static let url = EventSchema(["type": "string", "format": "uri"])
    static let currency = EventSchema(["type": "string", "pattern": "^[A-Z]{3}$"])
    /// Whatever the caller gave when the record was linked.
    static let anything = EventSchema([:])
    static let nothing = EventSchema(["type": "null"])

    static func one(of values: [String]) -> EventSchema {
        values.count == 1
            ? EventSchema(["const": .string(values[0])])
            : EventSchema(["type": "string", "enum": .array(values.map(JSONValue.string))])
    }

    static func list(of items: EventSchema) -> EventSchema {
        EventSchema(["type": "array", "items": items.json])
    }

    static func object(_ members: [EventMember]) -> EventSchema {
        var properties: [String: JSONValue] = [:]
        for member in members { properties[member.name] = member.json }
        let required = members.filter { !$0.isOptional }.map { JSONValue.string($0.name) }
        return EventSchema([
            "type": "object", "properties": .object(properties), "required": .array(required),
        ])
    }

    /// The same, or null.
    var orNull: EventSchema {
        guard var members = json.members else { return self }
        switch members["type"] {
        case .string(let type)?: members["type"] = [.string(type), "null"]
        default: return EventSchema(["anyOf": [json, ["type": "null"]]])
        }
        if case .array(let values)? = members["enum"] { members["enum"] = .array(values + [.null]) }
        return EventSchema(.object(members))
    }
}

/// A member of an event's body.
public struct EventMember: Sendable, Hashable {
    public let name: String
    /// What it says, for the documents.
    public let about: String
    public let isOptional: Bool
    let schema: EventSchema

    init(_ name: String, _ schema: EventSchema, _ about: String = "", isOptional: Bool = false) {
        self.name = name
        self.schema = schema
        self.about = about
        self.isOptional = isOptional
    }

    /// The texts that it may be, where there are few; null is no text.
    public var choices: [String] {
        let members = schema.json.members ?? [:]
        return members["const"]?.text.map { [$0] } ?? members["enum"]?.elements?.compactMap(\.text) ?? []
    }

    fileprivate var json: JSONValue {
        guard !about.isEmpty, var members = schema.json.members else { return schema.json }
        members["description"] = .string(about)
        return .object(members)
    }
}
