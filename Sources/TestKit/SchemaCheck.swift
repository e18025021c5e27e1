import Domain
import FoundationEssentials

/// Whether a body is as its JSON Schema says. It knows the keywords that the catalogue of events uses, and takes any
/// other for a mistake of the schema.
public struct SchemaCheck {
    /// Refuse members that the schema does not name: the schema says all that is sent.
    private let isStrict: Bool

    public init(isStrict: Bool = true) { self.isStrict = isStrict }

    private static let known: Set<String> = [
        "$schema", "title", "description", "type", "const", "enum", "pattern", "format", "minimum", "properties",
        "required", "items", "anyOf",
    ]

    /// What is wrong, each with its place; empty when all is as it should be.
    public func problems(_ value: JSONValue, _ schema: JSONValue, at place: String = "$") -> [String] {
        let rules = schema.members ?? [:]
        var found = rules.keys.filter { !Self.known.contains($0) }.map { "\(place): unknown keyword \($0)" }
        if let options = rules["anyOf"]?.elements {
            let isAny = options.contains { problems(value, $0, at: place).isEmpty }
            return isAny ? found : found + ["\(place): is none of what it may be"]
        }
        if let type = rules["type"], !isOf(type, value) { return found + ["\(place): is not \(type.encoded)"] }
        if let const = rules["const"], const != value { found.append("\(place): is not \(const.encoded)") }
        if let values = rules["enum"]?.elements, !values.contains(value) {
            found.append("\(place): \(value.encoded) is not one of the values")
        }
        if case .integer(let least)? = rules["minimum"], case .integer(let number) = value, number < least {
            found.append("\(place): is less than \(least)")
        }
        if let text = value.text { found += textProblems(text, rules, place) }
        if let members = value.members { found += memberProblems(members, rules, place) }
        if let elements = value.elements, let items = rules["items"] {
            for (index, element) in elements.enumerated() {
                found += problems(element, items, at: "\(place)[\(index)]")
            }
        }
        return found
    }

    private func isOf(_ type: JSONValue, _ value: JSONValue) -> Bool {
        if let types = type.elements { return types.contains { isOf($0, value) } }
        return switch (type.text, value) {
        case ("null", .null), ("boolean", .bool), ("integer", .integer), ("number", .integer), ("number", .decimal),
            ("string", .string), ("array", .array), ("object", .object):
            true
        default: false
        }
    }

    private func textProblems(_ text: String, _ rules: [String: JSONValue], _ place: String) -> [String] {
        var found: [String] = []
        if let pattern = rules["pattern"]?.text {
            let isMatch = (try? Regex(pattern).firstMatch(in: text)) != nil
            if !isMatch { found.append("\(place): does not match \(pattern)") }
        }
        switch rules["format"]?.text {
        case "date-time" where Instant(iso: text) == nil: found.append("\(place): \(text) is no instant")
        case "date" where LocalDate(text) == nil: found.append("\(place): \(text) is no day")
        case "uri" where !text.contains("://"): found.append("\(place): is no URL")
        default: break
        }
        return found
    }

    private func memberProblems(
        _ members: [String: JSONValue], _ rules: [String: JSONValue], _ place: String
    ) -> [String] {
        guard let properties = rules["properties"]?.members else { return [] }
        var found: [String] = []
        for name in rules["required"]?.elements ?? [] where members[name.text ?? ""] == nil {
            found.append("\(place): lacks \(name.text ?? "")")
        }
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            if let schema = properties[name] {
                found += problems(value, schema, at: "\(place).\(name)")
            } else if isStrict {
                found.append("\(place): \(name) is told of nowhere")
            }
        }
        return found
    }
}
