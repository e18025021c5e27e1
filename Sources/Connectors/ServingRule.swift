import Domain

/// Which connector serves which institutions in which environments: a line of data.
public struct ServingRule: Sendable, Equatable {
    public var connector: String
    /// Slugs; nil is every institution.
    public var institutions: Set<String>?
    /// Of every institution only those of this country, as `NG`.
    public var country: String?
    public var environments: Set<EnvironmentKind>
    /// Of two rules for one institution the higher one counts, and of two equal ones the later.
    public var priority: Int
    /// A rule for every institution holds for those too that another one took over.
    public var includesMerged: Bool

    public init(
        _ connector: String, institutions: Set<String>? = nil, country: String? = nil,
        environments: Set<EnvironmentKind>, priority: Int = Self.operatorPriority, includesMerged: Bool = false
    ) {
        self.connector = connector
        self.institutions = institutions
        self.country = country
        self.environments = environments
        self.priority = priority
        self.includesMerged = includesMerged
    }

    /// What an operator's file says without a priority.
    public static let operatorPriority = 10
    public static let priorities = -1000...1000

    /// What holds without any file: the sandbox bank plays every institution in sandboxes, and in production a person
    /// can upload statements of every institution of Nigeria that nothing else serves.
    public static let builtIn = [
        ServingRule("file", country: "NG", environments: [.production], priority: -10),
        ServingRule("sandbox", environments: [.sandbox, .production], priority: 0, includesMerged: true),
    ]

    /// Whether it is about this institution.
    func holds(for slug: String, _ known: Institution?) -> Bool {
        if let institutions { return institutions.contains(slug) }
        guard includesMerged || known?.successor == nil else { return false }
        return country == nil || country == known?.country
    }
}
