import Domain

/// A request's members as Okra's clients send them: JSON, `null`, nothing, or a form under any content type; numbers
/// and flags as texts; `""` for what is absent; several names for one member.
struct OkraBody: Sendable {
    static let textLengthMax = 4096

    let value: JSONValue

    init(_ value: JSONValue) { self.value = value }

    /// - Throws: `invalid_json` when it is neither JSON nor a form, or a bare value.
    init(bytes: [UInt8]) throws {
        guard let first = bytes.first(where: { !OkraBody.isSpace($0) }) else {
            value = [:]
            return
        }
        do {
            value = try OkraBody.checked(JSONValue(parsing: bytes))
        } catch let error as DomainError {
            guard !OkraBody.opensJSON.contains(first), let form = OkraBody.form(bytes) else { throw error }
            value = form
        }
    }

    init(query: [String: String]) { value = .object(query.mapValues(JSONValue.string)) }

    private static let opensJSON: Set<UInt8> = [UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "\"")]

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private static func checked(_ value: JSONValue) throws -> JSONValue {
        switch value {
        case .object, .array: return value
        case .null: return [:]
        default: throw DomainError(.invalidJSON, "The body must be a JSON object, or be left out.")
        }
    }

    private static func form(_ bytes: [UInt8]) -> JSONValue? {
        guard bytes.contains(UInt8(ascii: "=")), let text = String(validating: bytes, as: UTF8.self),
            let values = PercentCoding.form(text.trimmed)
        else { return nil }
        return .object(values.mapValues(JSONValue.string))
    }

    // MARK: members

    /// The first of the names that is there and not empty.
    func raw(_ names: [String]) -> JSONValue? {
        guard case .object(let members) = value else { return nil }
        for name in names {
            switch members[name] {
            case nil, .null, .string(""): continue
            case let found: return found
            }
        }
        return nil
    }

    func text(_ names: String...) throws -> String? { try text(names) }

    func text(_ names: [String]) throws -> String? {
        switch raw(names) {
        case nil: return nil
        case .string(let text):
            guard text.utf8.count <= Self.textLengthMax, !text.utf8.contains(0) else {
                throw DomainError.invalid(names[0], "is too long or holds a NUL character.")
            }
            return text.trimmed.isEmpty ? nil : text.trimmed
        case .integer(let number): return String(number)
        case .decimal(let number): return "\(number)"
        case .bool(let flag): return flag ? "true" : "false"
        case .array(let elements):
            // A list of one stands for its element, as with `countries`.
            guard elements.count == 1 else { throw DomainError.invalid(names[0], "must be a text.") }
            return try OkraBody([names[0]: elements[0]]).text([names[0]])
        default: throw DomainError.invalid(names[0], "must be a text.")
        }
    }

    func required(_ names: String...) throws -> String {
        guard let text = try text(names) else { throw DomainError.missing(names[0]) }
        return text
    }

    /// An id in lower case. One that is no id at all finds nothing, exactly as an unknown one.
    func id(_ names: String...) throws -> String {
        guard let text = try text(names) else { throw DomainError.missing(names[0]) }
        return OkraBody.id(text)
    }

    static func id(_ text: String) -> String { ID<OkraBody>(text)?.hex ?? "-" }

    func integer(_ names: String...) throws -> Int64? {
        guard let text = try text(names) else { return nil }
        guard let number = Int64(text) else { throw DomainError.invalid(names[0], "must be a whole number.") }
        return number
    }

    func flag(_ names: String...) throws -> Bool? {
        guard let text = try text(names) else { return nil }
        switch text.lowercased() {
        case "true", "1", "yes": return true
        case "false", "0", "no": return false
        default: throw DomainError.invalid(names[0], "must be true or false.")
        }
    }

    /// Major units as exact minor ones.
    func amount(_ names: String...) throws -> Int64? {
        guard let text = try text(names) else { return nil }
        do throws(MoneyError) {
            return try Money(parsing: text, currency: .ngn).minor
        } catch {
            throw DomainError.invalid(names[0], "must be an amount such as 1500.50: \(error).")
        }
    }

    func day(_ names: String...) throws -> LocalDate? {
        guard let text = try text(names) else { return nil }
        let isDay = text.count == 10 || text.dropFirst(10).first.map { $0 == "T" || $0 == " " } ?? false
        guard isDay, let day = LocalDate(String(text.prefix(10))) else {
            throw DomainError(
                .invalidDate, "`\(names[0])` must be a day such as 2024-01-31.", field: names[0])
        }
        return day
    }

    // MARK: pages

    /// - Parameter needsDays: both days are required.
    func page(needsDays: Bool = false) throws -> PageRequest {
        if try flag("pdf") == true {
            throw DomainError(.notYet, "`pdf` is not offered yet. Leave it out to get the data as JSON.", field: "pdf")
        }
        let from = try day("from", "startDate", "start_date")
        let to = try day("to", "endDate", "end_date")
        if needsDays {
            guard from != nil else { throw DomainError.missing("from") }
            guard to != nil else { throw DomainError.missing("to") }
        }
        if let from, let to, to < from {
            throw DomainError(.invalidDate, "`from` is after `to`. Days are inclusive.", field: "from")
        }
        return PageRequest(
            page: try small("page") ?? 1, limit: try small("limit") ?? PageRequest.limitDefault, from: from, to: to)
    }

    private func small(_ name: String) throws -> Int? {
        try integer(name).map { Int(min(max($0, 0), Int64(PageRequest.pageMax))) }
    }
}
