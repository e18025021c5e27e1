import Domain

/// What is wrong with an operator's file of institutions. The server does not start with it.
public struct InstitutionMistake: Error, Sendable, Equatable, CustomStringConvertible {
    public let file: String
    /// As in `serve[1].connector`; empty for the file as a whole.
    public let member: String
    /// Ends the sentence that the member begins, and says what is allowed.
    public let what: String

    public init(_ file: String, _ member: String, _ what: String) {
        self.file = file
        self.member = member
        self.what = what
    }

    public var description: String {
        member.isEmpty ? "The file \(file) \(what)" : "In \(file), `\(member)` \(what)"
    }
}

/// One file of an operator's folder, read but not yet held against the others.
struct InstitutionFile: Sendable {
    /// An institution that is new, or members of a known one that change.
    struct Entry: Sendable {
        let member: String
        let slug: String
        var id: String?
        var name: String?
        var country: String?
        var cbnCode: String?
        var nipCode: String?
        var sortCode: String?
        var ussd: String?
        var successor: String?
        var aliases: [String] = []
    }

    struct Rule: Sendable {
        let member: String
        let connector: String
        /// As written; nil is all.
        let institutions: [String]?
        let country: String?
        let environments: Set<EnvironmentKind>
        let priority: Int
        /// The name of a program and what is started.
        let program: (name: String, configuration: ExecConfiguration)?
    }

    static let bytesMax = 1 << 20
    private static let namesMax = 2000

    let name: String
    var entries: [Entry] = []
    var rules: [Rule] = []

    init(name: String, _ bytes: [UInt8]) throws(InstitutionMistake) {
        self.name = name
        guard bytes.count <= Self.bytesMax else {
            throw InstitutionMistake(name, "", "is larger than a mebibyte. Split it into several files.")
        }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes)
        } catch {
            throw InstitutionMistake(name, "", "is not valid JSON. It is an object with `institutions` or `serve`.")
        }
        guard let members = value.members else {
            throw InstitutionMistake(name, "", "is not a JSON object with `institutions` or `serve`.")
        }
        if members["connector"] != nil {
            rules = [try rule(value, "")]
            return
        }
        try only(["institutions", "serve"], members, "")
        for (place, one) in try list(value["institutions"], "institutions").enumerated() {
            entries.append(try entry(one, "institutions[\(place)]"))
        }
        for (place, one) in try list(value["serve"], "serve").enumerated() {
            rules.append(try rule(one, "serve[\(place)]"))
        }
    }

    // MARK: institutions

    private func entry(_ value: JSONValue, _ path: String) throws(InstitutionMistake) -> Entry {
        guard let members = value.members else { throw wrong(path, "must be an object with a `slug`.") }
        let known = [
            "slug", "id", "name", "country", "cbn_code", "nip_code", "sort_code", "ussd", "successor", "aliases",
        ]
        try only(known, members, path)
        guard let slug = try text(value, "slug", path, Self.isSlug, "must be lower case letters, digits and dashes")
        else { throw wrong(path, "needs a `slug`.") }
        var entry = Entry(member: path, slug: slug)
        entry.id = try text(value, "id", path, { ID<Institution>($0) != nil }, "must be 24 hexadecimal digits")
        entry.name = try text(value, "name", path, { (1...120).contains($0.utf8.count) }, "must be 1 to 120 bytes")
        entry.country = try text(
            value, "country", path, Self.isCountry, "must be two capital letters, as NG")
        entry.cbnCode = try text(value, "cbn_code", path, Self.isDigits(3, 5, 6), "must be 3, 5 or 6 digits")
        entry.nipCode = try text(value, "nip_code", path, Self.isDigits(6), "must be 6 digits")
        entry.sortCode = try text(value, "sort_code", path, Self.isDigits(9), "must be 9 digits")
        entry.ussd = try text(value, "ussd", path, { $0.utf8.count <= 20 }, "must be as *901#")
        entry.successor = try text(value, "successor", path, { !$0.isEmpty }, "must be the slug of an institution")
        let what = "must be names of lower case letters, digits and dashes"
        for (place, alias) in try list(value["aliases"], "\(path).aliases").enumerated() {
            guard let alias = alias.text, Self.isSlug(alias) else {
                throw wrong("\(path).aliases[\(place)]", "\(what).")
            }
            entry.aliases.append(alias)
        }
        return entry
    }

    // MARK: rules

    private static let ruleMembers = ["connector", "institutions", "country", "environments", "priority"]

    private func rule(_ value: JSONValue, _ path: String) throws(InstitutionMistake) -> Rule {
        guard let members = value.members else { throw wrong(path, "must be an object with a `connector`.") }
        guard let connector = try text(value, "connector", path, { !$0.isEmpty }, "must be the name of a connector")
        else { throw wrong(path, "needs a `connector`.") }
        let isProgram = connector == "exec"
        try only(Self.ruleMembers + (isProgram ? ["name"] + ExecConfiguration.members.sorted() : []), members, path)
        let country = try text(value, "country", path, Self.isCountry, "must be two capital letters, as NG")
        let institutions = try institutions(value["institutions"], join(path, "institutions"))
        if country != nil, institutions != nil {
            throw wrong(
                join(path, "country"), "must be left out where `institutions` names them, or say \"all\" there.")
        }
        return Rule(
            member: path, connector: connector, institutions: institutions, country: country,
            environments: try environments(value["environments"], join(path, "environments")),
            priority: try priority(value["priority"], join(path, "priority")),
            program: isProgram ? try program(value, path, hasAll: institutions == nil) : nil)
    }

    private func institutions(_ value: JSONValue?, _ path: String) throws(InstitutionMistake) -> [String]? {
        let what = "must be \"all\", or a list of slugs, codes or ids of institutions."
        guard let value, value.text != "all" else {
            if value == nil { throw wrong(path, what) }
            return nil
        }
        guard let names = value.elements, !names.isEmpty, names.count <= Self.namesMax else { throw wrong(path, what) }
        var found: [String] = []
        for name in names {
            guard let name = name.text else { throw wrong(path, what) }
            found.append(name)
        }
        return found
    }

    private func environments(_ value: JSONValue?, _ path: String) throws(InstitutionMistake) -> Set<EnvironmentKind> {
        guard let value else { return [.production] }
        let kinds = (value.elements ?? []).compactMap { $0.text.flatMap(EnvironmentKind.init(rawValue:)) }
        guard !kinds.isEmpty, kinds.count == value.elements?.count else {
            throw wrong(path, "must be a list of \"production\" and \"sandbox\".")
        }
        return Set(kinds)
    }

    private func priority(_ value: JSONValue?, _ path: String) throws(InstitutionMistake) -> Int {
        guard let value else { return ServingRule.operatorPriority }
        guard case .integer(let number) = value, let priority = Int(exactly: number),
            ServingRule.priorities.contains(priority)
        else {
            let range = ServingRule.priorities
            throw wrong(path, "must be a whole number from \(range.lowerBound) to \(range.upperBound).")
        }
        return priority
    }

    private func program(
        _ value: JSONValue, _ path: String, hasAll: Bool
    ) throws(InstitutionMistake) -> (name: String, configuration: ExecConfiguration) {
        let stem = name.split(separator: "/").last.map { String($0.split(separator: ".").first ?? $0) } ?? ""
        let what = "must be lower case letters, digits and dashes; without it the file's own name is taken"
        let given = try text(value, "name", path, Self.isSlug, what)
        guard let own = given ?? (Self.isSlug(stem) && path.isEmpty ? stem : nil) else {
            throw wrong(path, "needs a `name` for its program: lower case letters, digits and dashes.")
        }
        if hasAll { throw wrong(join(path, "institutions"), "must list the institutions that the program serves.") }
        do {
            return (own, try ExecConfiguration(value))
        } catch {
            throw wrong(join(path, error.member), error.what)
        }
    }

    // MARK: members

    private func wrong(_ member: String, _ what: String) -> InstitutionMistake {
        InstitutionMistake(name, member, what)
    }

    private func join(_ path: String, _ member: String) -> String { path.isEmpty ? member : "\(path).\(member)" }

    private func only(_ known: [String], _ members: [String: JSONValue], _ path: String) throws(InstitutionMistake) {
        guard let unknown = members.keys.sorted().first(where: { !known.contains($0) }) else { return }
        throw wrong(
            join(path, String(unknown.prefix(40))), "is not known. Allowed are \(known.joined(separator: ", ")).")
    }

    private func list(_ value: JSONValue?, _ path: String) throws(InstitutionMistake) -> [JSONValue] {
        guard let value else { return [] }
        guard let list = value.elements, list.count <= Self.namesMax else {
            throw wrong(path, "must be a list of at most \(Self.namesMax).")
        }
        return list
    }

    private func text(
        _ value: JSONValue, _ member: String, _ path: String, _ isRight: (String) -> Bool, _ what: String
    ) throws(InstitutionMistake) -> String? {
        guard let value = value[member], !value.isNull else { return nil }
        guard let text = value.text, isRight(text) else { throw wrong(join(path, member), "\(what).") }
        return text
    }

    static func isSlug(_ text: String) -> Bool {
        guard (1...80).contains(text.utf8.count), text.first != "-", text.last != "-" else { return false }
        return text.utf8.contains { !(48...57).contains($0) }
            && text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "-") }
    }

    private static func isCountry(_ text: String) -> Bool {
        text.utf8.count == 2 && text.utf8.allSatisfy { (65...90).contains($0) }
    }

    private static func isDigits(_ counts: Int...) -> (String) -> Bool {
        { text in counts.contains(text.utf8.count) && text.utf8.allSatisfy { (48...57).contains($0) } }
    }
}
