import Domain

/// Which connector serves which institution in which environment: a table that is made once from rules, which are data.
///
/// What a rule gives to a connector counts only where the connector is installed, and is made for that environment and
/// that institution.
public struct ConnectorCatalog: Sendable {
    public let connectors: [any Connector]
    /// By kind of environment and slug; the connector as its place in the list.
    private let table: [EnvironmentKind: [String: Int]]

    /// - Parameter rules: nil lets the first connector serve that is made for an institution.
    public init(_ connectors: [any Connector], rules: [ServingRule]? = nil) {
        self.connectors = connectors
        let rules =
            rules
            ?? connectors.enumerated().map { place, connector in
                ServingRule(
                    connector.descriptor.id, institutions: connector.descriptor.institutions,
                    environments: connector.descriptor.environments, priority: -place)
            }
        table = Self.table(connectors, rules)
    }

    private static func table(
        _ connectors: [any Connector], _ rules: [ServingRule]
    ) -> [EnvironmentKind: [String: Int]] {
        let descriptors = connectors.map(\.descriptor)
        let places = Dictionary(
            descriptors.enumerated().map { ($0.element.id, $0.offset) }, uniquingKeysWith: { first, _ in first })
        let directory = InstitutionCatalog.directory
        let slugs = descriptors.reduce(into: directory.slugs) { $0.formUnion($1.institutions) }
        var table: [EnvironmentKind: [String: Int]] = [:]
        // The last one that is written stays.
        let inTurn = rules.enumerated().sorted { ($0.element.priority, $0.offset) < ($1.element.priority, $1.offset) }
        for rule in inTurn.map(\.element) {
            guard let place = places[rule.connector] else { continue }
            let able = descriptors[place].institutions
            for slug in slugs where rule.holds(for: slug, directory.find(slug)) {
                guard able.isEmpty || able.contains(slug) else { continue }
                for kind in rule.environments.intersection(descriptors[place].environments) {
                    table[kind, default: [:]][slug] = place
                }
            }
        }
        return table
    }

    /// The connector that serves the institution (a slug) in environments of this kind; nil when none does.
    public func connector(for institution: String, in kind: EnvironmentKind) -> (any Connector)? {
        table[kind]?[institution].map { connectors[$0] }
    }

    /// The connector of that id, whatever it serves; nil when it is not installed.
    public func connector(id: String) -> (any Connector)? { connectors.first { $0.descriptor.id == id } }

    /// The slugs that can be linked in an environment.
    public func institutions(in kind: EnvironmentKind) -> Set<String> { Set((table[kind] ?? [:]).keys) }

    /// The institution as it can be linked now: itself, or the first of its successors that is served.
    public func serving(
        _ institution: Institution, in kind: EnvironmentKind
    ) -> (institution: Institution, connector: any Connector)? {
        for one in InstitutionCatalog.directory.line(of: institution) {
            if let connector = connector(for: one.slug, in: kind) { return (one, connector) }
        }
        return nil
    }
}
