/// The life of a database between two restores. A restored copy counts on from where the copy was made, so what it
/// gives out would have been given out before; a new epoch makes it new: a sequence number is one of its epoch, and the
/// ids of two epochs never meet.
public enum Epoch {
    /// Four million million ids for each; two million epochs.
    private static let idBits: Int64 = 42
    /// 2024-01-01, in milliseconds.
    private static let origin: Int64 = 1_704_067_200_000
    private static let unitMs: Int64 = 600_000

    /// The epoch in which an id was given: 1 is that of a database that was never restored.
    public static func of(id: Int64) -> Int64 { (id >> idBits) + 1 }

    /// Every id of the epoch is above it or is it, those of earlier epochs are below.
    public static func firstID(of epoch: Int64) -> Int64 { (epoch - 1) << idBits }

    /// The epoch after all that are known. The clock goes in, because a copy may know of none of the epochs that were
    /// begun since it was made: restored twice, it begins two.
    public static func next(after known: Int64, at now: Instant) -> Int64 {
        max(known + 1, (now.ms - origin) / unitMs + 1)
    }
}

/// What a database says of itself, inside.
public struct DatabaseMark: Sendable, Equatable {
    /// Drawn when it was first served; empty before. A copy has it too.
    public var database: String
    public var epoch: Int64
    /// Counted up while it is served, so that of two states the later one is known.
    public var beat: Int64
    /// What of the server and of the tables does not survive a restore.
    public var identity: String

    public init(database: String, epoch: Int64, beat: Int64, identity: String) {
        self.database = database
        self.epoch = epoch
        self.beat = beat
        self.identity = identity
    }
}

/// What was noted outside of the database, in a file that is not restored with it.
public struct OutsideMark: Sendable, Equatable {
    public var database: String
    public var epoch: Int64
    public var beat: Int64
    /// Which file the database was; empty where it is none.
    public var file: String
    /// Whether the server ended in order, so that nothing came after the beat.
    public var isClean: Bool

    public init(database: String, epoch: Int64, beat: Int64, file: String, isClean: Bool) {
        self.database = database
        self.epoch = epoch
        self.beat = beat
        self.file = file
        self.isClean = isClean
    }

    /// As it is kept: one line.
    public var text: String { "kubewa \(database) \(epoch) \(beat) \(file.isEmpty ? "-" : file) \(isClean ? 1 : 0)\n" }

    /// nil for what `text` never wrote.
    public init?(text: String) {
        let parts = text.split(whereSeparator: \.isWhitespace)
        guard parts.count == 6, parts[0] == "kubewa", let epoch = Int64(parts[2]), let beat = Int64(parts[3]),
            parts[5] == "1" || parts[5] == "0"
        else { return nil }
        self.init(
            database: String(parts[1]), epoch: epoch, beat: beat, file: parts[4] == "-" ? "" : String(parts[4]),
            isClean: parts[5] == "1")
    }
}

/// Whether a database is an older state of itself, put back.
public enum RestoreRule {
    /// Why a new epoch begins.
    public enum Reason: String, Sendable, CaseIterable {
        /// It is in another server, database, timeline or table than it was.
        case moved
        /// It knows less than the mark outside, or than this process.
        case older
        /// The mark outside is gone, as where a file alone was brought to another machine.
        case unmarked
        /// The operator said so.
        case asked
    }

    /// - Parameters:
    ///   - outside: nil where there is none.
    ///   - identity: what `inside.identity` is to be.
    ///   - file: what `outside.file` is to be.
    ///   - needsOutside: whether a served database always has a mark outside.
    /// - Returns: nil for a database that is the one it was, or is served for the first time.
    public static func judge(
        _ inside: DatabaseMark, _ outside: OutsideMark?, identity: String, file: String, needsOutside: Bool
    ) -> Reason? {
        let outside = outside.flatMap { inside.database.isEmpty || $0.database == inside.database ? $0 : nil }
        if let outside {
            let isBehind =
                outside.epoch > inside.epoch || (outside.epoch == inside.epoch && outside.beat > inside.beat)
            if isBehind || inside.database.isEmpty { return .older }
            if !outside.isClean, outside.file != file { return .moved }
        }
        guard !inside.database.isEmpty else { return nil }
        if inside.identity != identity { return .moved }
        return outside == nil && needsOutside ? .unmarked : nil
    }
}
