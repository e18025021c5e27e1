/// What a sealed secret is bound to: opened elsewhere, it does not open.
public struct SealContext: Hashable, Sendable {
    public let environmentID: Int64
    /// The connection whose data key seals it; nil for the environment's own secrets.
    public let connectionID: String?
    public let purpose: String
    public init(environmentID: Int64, connectionID: String?, purpose: String) {
        self.environmentID = environmentID
        self.connectionID = connectionID
        self.purpose = purpose
    }
}
