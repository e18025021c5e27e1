import Domain

/// Reads options by any of their names, remembers which were read, and which could not be used.
struct WidgetReader {
    /// What wrappers and loaders add for themselves.
    private static let quiet: Set<String> = [
        "source", "hideCardOnExit", "iframeData", "withOptions", "withShortURL", "isIframe", "isWebview", "deviceInfo",
        "imei", "uuid", "shouldClose", "baseUrl",
    ]

    private let members: [String: JSONValue]
    private var taken: Set<String> = []
    private var refused: [String] = []

    init(_ members: [String: JSONValue]) { self.members = members }

    /// The first of the names that has a value; an empty text is none.
    mutating func take(_ names: String...) -> JSONValue? { take(names) }

    private mutating func take(_ names: [String]) -> JSONValue? {
        taken.formUnion(names)
        for name in names {
            if let value = members[name], !value.isNull, value != .string("") { return value }
        }
        return nil
    }

    mutating func ignore(_ name: String) {
        if !refused.contains(name) { refused.append(name) }
    }

    /// A text that decides something.
    /// - Throws: `invalid_field` when it is no text or too long.
    mutating func text(_ names: String..., lengthMax: Int) throws -> String? {
        guard let value = take(names) else { return nil }
        switch value {
        case .string(let text) where text.utf8.count <= lengthMax && !text.utf8.contains { $0 < 0x20 || $0 == 0x7f }:
            return text
        case .integer(let number): return String(number)
        default: throw DomainError.invalid(names[0], "must be a text of at most \(lengthMax) characters.")
        }
    }

    /// A text that is only shown: what cannot be shown is ignored, what is too long is cut.
    mutating func decoration(_ names: String..., lengthMax: Int) -> String? {
        guard let value = take(names) else { return nil }
        guard let text = value.text else {
            ignore(names[0])
            return nil
        }
        let plain = PlainText.cleaned(text, lengthMax: lengthMax)
        return plain.isEmpty ? nil : plain
    }

    mutating func flag(_ names: String...) -> Bool? {
        switch take(names) {
        case .bool(let value): return value
        case .string(let text) where text.lowercased() == "true" || text.lowercased() == "false":
            return text.lowercased() == "true"
        case nil: return nil
        default:
            ignore(names[0])
            return nil
        }
    }

    /// Months of history: more than is offered is as much as is offered.
    mutating func months(_ name: String) throws -> Int? {
        let number: Int64?
        switch take([name]) {
        case nil: return nil
        case .integer(let value): number = value
        case .string(let text): number = Int64(text)
        default: number = nil
        }
        guard let number, number > 0 else { throw DomainError.invalid(name, "must be 1 to 24 months.") }
        if number > 24 { ignore(name) }
        return Int(min(number, 24))
    }

    /// Names of options that do nothing here.
    func leftOver() -> [String] {
        let rest = members.filter { name, value in
            !taken.contains(name) && !Self.quiet.contains(name) && !isNothing(value)
        }.keys.sorted()
        return Array((refused + rest).prefix(WidgetOptions.namesMax)).map { PlainText.cleaned($0, lengthMax: 40) }
    }

    private func isNothing(_ value: JSONValue) -> Bool {
        switch value {
        case .null, .bool(false), .string(""): true
        case .array(let elements): elements.isEmpty
        case .object(let members): members.isEmpty
        default: false
        }
    }
}

/// Text that a page shows: one line, without characters that hide or turn around what stands beside it.
enum PlainText {
    static func cleaned(_ text: String, lengthMax: Int) -> String {
        var out = String.UnicodeScalarView()
        var isSpace = true
        for scalar in text.unicodeScalars {
            if scalar.properties.isWhitespace || isControl(scalar) {
                if !isSpace { out.append(" ") }
                isSpace = true
            } else if !isHidden(scalar) {
                out.append(scalar)
                isSpace = false
            }
        }
        var plain = String(out)
        if plain.hasSuffix(" ") { plain.removeLast() }
        guard plain.count > lengthMax else { return plain }
        return String(plain.prefix(lengthMax - 1)) + "…"
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .control
    }

    /// Marks of direction and zero-width characters; emoji keep their joiner.
    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .format && scalar != "\u{200D}"
            || scalar.properties.generalCategory == .surrogate || scalar.properties.generalCategory == .unassigned
    }
}
