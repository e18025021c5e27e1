import Domain

/// The list of institutions and who serves them: the built-in data with an operator's files over it.
public struct InstitutionSetup: Sendable {
    /// A program that an operator's file names.
    public struct Program: Sendable, Equatable {
        public let name: String
        public let institutions: Set<String>
        public let environments: Set<EnvironmentKind>
        public let configuration: ExecConfiguration
        /// The id of its connector.
        public var connector: String { ExecConnector.idPrefix + name }
    }

    public let directory: InstitutionDirectory
    public let rules: [ServingRule]
    public let programs: [Program]
    /// Where each rule of a file stands, for what is found out later.
    private let places: [(rule: Int, file: String, member: String)]

    /// - Parameter files: names and contents, in the order in which they count.
    /// - Throws: `InstitutionMistake` for the first thing that is wrong.
    public init(files: [(name: String, bytes: [UInt8])] = []) throws(InstitutionMistake) {
        var read: [InstitutionFile] = []
        for file in files { read.append(try InstitutionFile(name: file.name, file.bytes)) }
        let directory = try Self.directory(read)
        var rules = ServingRule.builtIn
        var programs: [Program] = []
        var places: [(rule: Int, file: String, member: String)] = []
        for file in read {
            for rule in file.rules {
                let slugs = try Self.slugs(rule, file.name, directory)
                var connector = rule.connector
                if let program = rule.program {
                    let made = Program(
                        name: program.name, institutions: slugs ?? [], environments: rule.environments,
                        configuration: program.configuration)
                    if programs.contains(where: { $0.name == made.name }) {
                        let member = rule.member.isEmpty ? "name" : "\(rule.member).name"
                        throw InstitutionMistake(
                            file.name, member, "is `\(made.name)`, as another program's. Give each its own name.")
                    }
                    programs.append(made)
                    connector = made.connector
                }
                places.append((rules.count, file.name, rule.member))
                rules.append(
                    ServingRule(
                        connector, institutions: slugs, country: rule.country, environments: rule.environments,
                        priority: rule.priority))
            }
        }
        self.directory = directory
        self.rules = rules
        self.programs = programs
        self.places = places
    }

    /// Holds the rules of files against the connectors that there are.
    /// - Throws: for a connector that is not installed, or does not serve that environment or institution.
    public func check(against connectors: [any Connector]) throws(InstitutionMistake) {
        for place in places {
            let rule = rules[place.rule]
            func member(_ name: String) -> String { place.member.isEmpty ? name : "\(place.member).\(name)" }
            guard let connector = connectors.first(where: { $0.descriptor.id == rule.connector }) else {
                let known = connectors.map(\.descriptor.id).filter { !$0.hasPrefix(ExecConnector.idPrefix) }
                throw InstitutionMistake(
                    place.file, member("connector"),
                    "must be one of \((known + ["exec"]).sorted().joined(separator: ", ")).")
            }
            let descriptor = connector.descriptor
            if let kind = rule.environments.subtracting(descriptor.environments).map(\.rawValue).min() {
                let able = descriptor.environments.map(\.rawValue).sorted().joined(separator: ", ")
                throw InstitutionMistake(
                    place.file, member("environments"),
                    "has \(kind), where `\(rule.connector)` does not serve. It serves in \(able).")
            }
            guard !descriptor.institutions.isEmpty, let named = rule.institutions else { continue }
            if let other = named.subtracting(descriptor.institutions).min() {
                throw InstitutionMistake(
                    place.file, member("institutions"), "has `\(other)`, which `\(rule.connector)` does not know.")
            }
        }
    }

    // MARK: institutions

    private static func directory(_ files: [InstitutionFile]) throws(InstitutionMistake) -> InstitutionDirectory {
        guard files.contains(where: { !$0.entries.isEmpty }) else { return .builtIn }
        var known = Dictionary(uniqueKeysWithValues: InstitutionDirectory.builtIn.all.map { ($0.slug, $0) })
        var aliases = InstitutionDirectory.builtIn.aliases
        for file in files {
            for entry in file.entries {
                guard known[entry.slug] != nil || entry.name != nil else {
                    throw InstitutionMistake(
                        file.name, entry.member, "needs a `name`, since `\(entry.slug)` is not in the built-in list.")
                }
                known[entry.slug] = merged(entry, known[entry.slug])
                aliases[entry.slug] = nil
                for alias in entry.aliases where alias != entry.slug { aliases[alias] = entry.slug }
            }
        }
        try check(files, known, aliases)
        return InstitutionDirectory(Array(known.values), aliases: aliases)
    }

    private static func merged(_ entry: InstitutionFile.Entry, _ old: Institution?) -> Institution {
        let code = entry.cbnCode ?? old?.cbnCode
        return Institution(
            slug: entry.slug,
            id: entry.id.map { ID(trusted: $0.lowercased()) } ?? old?.id
                ?? InstitutionDirectory.derivedID(slug: entry.slug),
            name: entry.name ?? old?.name ?? entry.slug, cbnCode: code, nipCode: entry.nipCode ?? old?.nipCode,
            sortCode: entry.sortCode ?? old?.sortCode, ussd: entry.ussd ?? old?.ussd,
            nubanCode: code.map(AccountNumber.institutionCode), country: entry.country ?? old?.country ?? "NG",
            successor: entry.successor ?? old?.successor)
    }

    private static func check(
        _ files: [InstitutionFile], _ known: [String: Institution], _ aliases: [String: String]
    ) throws(InstitutionMistake) {
        let ids = Dictionary(grouping: known.values, by: \.id)
        for file in files {
            for entry in file.entries {
                try followSuccessors(of: entry, file.name, known)
                if let alias = entry.aliases.first(where: { known[$0] != nil && $0 != entry.slug }) {
                    throw InstitutionMistake(
                        file.name, "\(entry.member).aliases",
                        "has `\(alias)`, which is the slug of another institution.")
                }
                if let id = known[entry.slug]?.id, (ids[id]?.count ?? 0) > 1 {
                    throw InstitutionMistake(file.name, "\(entry.member).id", "is the id of another institution.")
                }
            }
        }
    }

    /// They all exist, and none leads back.
    private static func followSuccessors(
        of entry: InstitutionFile.Entry, _ file: String, _ known: [String: Institution]
    ) throws(InstitutionMistake) {
        var seen: Set<String> = [entry.slug]
        var next = entry.successor
        while let slug = next {
            guard let one = known[slug] else {
                throw InstitutionMistake(file, "\(entry.member).successor", "must be the slug of an institution.")
            }
            guard seen.insert(slug).inserted else {
                throw InstitutionMistake(file, "\(entry.member).successor", "leads back to the institution itself.")
            }
            next = one.successor
        }
    }

    private static func slugs(
        _ rule: InstitutionFile.Rule, _ file: String, _ directory: InstitutionDirectory
    ) throws(InstitutionMistake) -> Set<String>? {
        guard let names = rule.institutions else { return nil }
        var slugs: Set<String> = []
        for (place, name) in names.enumerated() {
            guard let known = directory.find(slugOrID: name) else {
                let member = rule.member.isEmpty ? "institutions" : "\(rule.member).institutions"
                throw InstitutionMistake(
                    file, "\(member)[\(place)]",
                    "is `\(name.prefix(60))`, which no institution is called. See `kubewa institutions list --all`.")
            }
            slugs.insert(known.slug)
        }
        return slugs
    }
}
