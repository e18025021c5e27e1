/// The environment that a piece of work belongs to. Every tenant table leads its keys with it, so a
/// statement cannot reach another's rows.
///
/// Only the authenticator and the engine's own loops make one; `TidyTests` lists where.
public struct Scope: Hashable, Sendable {
    public let environmentID: Int64
    package init(environmentID: Int64) { self.environmentID = environmentID }
}

/// Sandbox or production. They share a client token and nothing else.
public enum EnvironmentKind: String, Sendable, CaseIterable {
    case sandbox, production

    /// The name in Okra's data and widget.
    public var okraName: String { self == .sandbox ? "production-sandbox" : "production" }
}

/// One tenant's sandbox or production.
public struct Environment: Hashable, Sendable {
    public let id: Int64
    public let tenantID: ID<Tenant>
    public let projectID: ID<Project>
    public let kind: EnvironmentKind
    /// The environment's clock runs this far ahead of the machine's; 0 in production.
    public var offsetMs: Int64
    public let businessName: String

    public init(
        id: Int64, tenantID: ID<Tenant>, projectID: ID<Project>, kind: EnvironmentKind, offsetMs: Int64,
        businessName: String
    ) {
        self.id = id
        self.tenantID = tenantID
        self.projectID = projectID
        self.kind = kind
        self.offsetMs = offsetMs
        self.businessName = businessName
    }

    package var scope: Scope { Scope(environmentID: id) }

    /// The business instant of a machine instant.
    public func virtual(_ machine: Instant) -> Instant { machine + offsetMs }
}
