import Domain
import Synchronization

/// 64-bit ids from one sequence, leased by the node in blocks, so that taking one asks no database.
///
/// A block is committed before its first id is used; a crash loses the rest of it and nothing else.
public final class SequenceBlock: Sendable {
    private static let blockSize: Int64 = 100_000
    /// Refilled when fewer are left: more than one unit of work can need.
    private static let reserve: Int64 = 40_000

    private let state = Mutex((next: Int64(0), end: Int64(0)))
    private let database: Database

    public init(database: Database) { self.database = database }

    /// Call before a unit that takes ids.
    public func fill() async throws {
        guard state.withLock({ $0.end - $0.next < Self.reserve }) else { return }
        let start = try await database.write { tx in
            try tx.db.first(Self.leaseSQL, [.integer(Self.blockSize)]) { $0.int(0) } ?? 0
        }
        // Another task may have filled meanwhile: the larger block wins, ids stay unique either way.
        state.withLock { if start > $0.end { $0 = (start - Self.blockSize, start) } }
    }

    private static let leaseSQL = """
        INSERT INTO id_block (name, next) VALUES ('id', $1 + 1)
        ON CONFLICT (name) DO UPDATE SET next = id_block.next + $1 RETURNING next
        """

    private static let raiseSQL = """
        INSERT INTO id_block (name, next) VALUES ('id', $1)
        ON CONFLICT (name) DO UPDATE SET next = excluded.next WHERE id_block.next < excluded.next
        """

    /// Blocks that are leased from now on begin there or later.
    static func raise(to first: Int64, _ tx: Transaction) throws { try tx.db.run(raiseSQL, [.integer(first)]) }

    /// Forgets what was leased: ids of a database's earlier life are not to be given any more.
    public func drop() { state.withLock { $0.next = $0.end } }

    /// - Throws: `StorageError.busy` when the block is used up; `fill` was not called.
    public func take() throws -> Int64 {
        try state.withLock { state in
            guard state.next < state.end else { throw StorageError(.busy, "no ids leased") }
            defer { state.next += 1 }
            return state.next
        }
    }
}
