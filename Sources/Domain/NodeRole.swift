/// What one process of a server does.
public enum NodeRole: String, Sendable, CaseIterable {
    /// Answers requests; what they ask for is done by others.
    case api
    /// Refreshes and delivers; answers only probes.
    case worker
    case all

    public var answersRequests: Bool { self != .worker }
    public var doesWork: Bool { self != .api }
}
