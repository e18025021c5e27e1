/// How a bank's own ids of transactions behaved so far: counted per connector and institution, from steps that
/// compared rows of two fetches.
public struct IdTrust: Sendable, Equatable {
    /// What the counts come to; it decides how much an id says where it and the content disagree.
    public enum Level: String, Sendable, CaseIterable {
        /// Too few rows were compared.
        case unknown
        /// Ids stay: one that comes back means the same transaction, whatever its content.
        case trusted
        /// The same transaction often comes under another id: ids that are new say little.
        case changing
        /// One id was given to different transactions: an id alone says nothing.
        case reused
    }

    /// Rows that came back under their id.
    public var kept: Int64
    /// Rows that came back under another id.
    public var changed: Int64
    /// Ids that came with another transaction's content.
    public var reused: Int64
    /// Rows without an id.
    public var missing: Int64

    public static let unknown = IdTrust()
    /// Fewer compared rows decide nothing.
    static let samplesMin: Int64 = 20

    public init(kept: Int64 = 0, changed: Int64 = 0, reused: Int64 = 0, missing: Int64 = 0) {
        self.kept = kept
        self.changed = changed
        self.reused = reused
        self.missing = missing
    }

    public var level: Level {
        let samples = kept + changed + reused
        // Two are no accident; one in two hundred may be a slip of the bank.
        if reused >= 2, reused * 200 >= samples { return .reused }
        guard samples >= Self.samplesMin else { return .unknown }
        return changed * 10 > samples ? .changing : .trusted
    }

    /// The counts of both.
    public static func + (left: Self, right: Self) -> Self {
        Self(
            kept: left.kept + right.kept, changed: left.changed + right.changed, reused: left.reused + right.reused,
            missing: left.missing + right.missing)
    }
}
