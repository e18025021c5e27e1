import Domain

/// Which connector serves which institution in which environment.
public struct ConnectorCatalog: Sendable {
    public let connectors: [any Connector]

    public init(_ connectors: [any Connector]) { self.connectors = connectors }

    /// The first connector that serves the institution (a slug) in environments of this kind; nil when none does.
    public func connector(for institution: String, in kind: EnvironmentKind) -> (any Connector)? {
        connectors.first {
            $0.descriptor.environments.contains(kind) && $0.descriptor.institutions.contains(institution)
        }
    }

    /// The connector of that id, whatever it serves; nil when it is not installed.
    public func connector(id: String) -> (any Connector)? { connectors.first { $0.descriptor.id == id } }

    /// The slugs that can be linked in an environment.
    public func institutions(in kind: EnvironmentKind) -> Set<String> {
        connectors.filter { $0.descriptor.environments.contains(kind) }
            .reduce(into: []) { $0.formUnion($1.descriptor.institutions) }
    }
}
