import Domain
import Synchronization

/// How often a list of transactions was changed, and how often what its rows say of customers was.
public struct ListRevision: Sendable, Equatable {
    let list: Int64
    let names: Int64
}

/// What was read of a list when it had a revision.
public struct Kept<T: Sendable>: Sendable {
    public let value: T
    let revision: ListRevision

    public init(_ value: T, at revision: ListRevision) {
        self.value = value
        self.revision = revision
    }
}

/// What a checked read found.
public enum CheckedRead<T: Sendable>: Sendable {
    /// The list stands as it did, so what was kept is still right; with how fresh the asked connections are now.
    case unchanged(T, [FreshnessFacts])
    /// Read anew; at least as new as the revision, which is nil for a list that nothing was ever in.
    case read(T, ListRevision?)
}

/// Reads of lists that are spared while their list stands as it did.
///
/// The revisions of all lists that are asked for at once are read by one statement, so that one round trip to the
/// database answers many requests.
final class CheckedReads: Sendable {
    static let checksPerStatementMax = 256

    struct Checked: Sendable {
        var revision: ListRevision?
        var freshness: [FreshnessFacts] = []
    }
    typealias Answer = @Sendable (Result<Checked, any Error>, (any SQLConnection)?) -> Void

    private struct Check: Sendable {
        let environmentID: Int64
        let list: String
        /// Of which it is asked how fresh they are.
        let connections: [String]
        /// Gets the connection too when it is the only one that waits for it.
        let answer: Answer
    }
    private struct State {
        var waiting: [Check] = []
        var isReading = false
    }
    private let state = Mutex(State())

    private static let postgresSQL = """
        SELECT q.place,
            (SELECT t.revision FROM day_total t WHERE t.environment_id = q.environment_id AND t.list = q.list
                AND t.day = ''),
            (SELECT t.revision FROM day_total t WHERE t.environment_id = q.environment_id AND t.list = $3
                AND t.day = '')
        FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS q (environment_id, list, place)
        """
    private static let sqliteSQL = """
        SELECT 1, (SELECT revision FROM day_total WHERE environment_id = $1 AND list = $2 AND day = ''),
            (SELECT revision FROM day_total WHERE environment_id = $1 AND list = $3 AND day = '')
        """

    func check(
        _ list: String, _ scope: Scope, freshnessOf connections: [String],
        on reads: BlockingQueue<DatabaseCore.Read>, _ answer: @escaping Answer
    ) {
        let isFirst = state.withLock { state in
            state.waiting.append(
                Check(environmentID: scope.environmentID, list: list, connections: connections, answer: answer))
            defer { state.isReading = true }
            return !state.isReading
        }
        guard isFirst else { return }
        do { try reads.push { self.work($0) } } catch {
            let failed = state.withLock { state in
                defer { state = State() }
                return state.waiting
            }
            for check in failed { check.answer(.failure(error), nil) }
        }
    }

    /// Answers what waits, until nothing does.
    private func work(_ connection: any SQLConnection) {
        while let batch = next() {
            let found = Database.perform(connection, false) { try Self.look(batch, $0) }
            let alone = batch.count == 1 ? connection : nil
            for (index, check) in batch.enumerated() { check.answer(found.map { $0[index] }, alone) }
        }
    }

    private func next() -> [Check]? {
        state.withLock { state in
            let batch = Array(state.waiting.prefix(Self.checksPerStatementMax))
            state.waiting.removeFirst(batch.count)
            if batch.isEmpty { state.isReading = false }
            return batch.isEmpty ? nil : batch
        }
    }

    private static func look(_ batch: [Check], _ db: any SQLConnection) throws -> [Checked] {
        var found = try revisions(batch, db).map { Checked(revision: $0) }
        let wanted = batch.enumerated().flatMap { index, check in
            check.connections.map {
                FreshnessRows.Wanted(environmentID: check.environmentID, connection: $0, request: index)
            }
        }
        try FreshnessRows.find(wanted, db) { found[$0].freshness.append($1) }
        return found
    }

    private static func revisions(_ batch: [Check], _ db: any SQLConnection) throws -> [ListRevision?] {
        func revision(_ row: borrowing Row) -> ListRevision? {
            row.intOrNil(1).map { ListRevision(list: $0, names: row.int(2)) }
        }
        switch db.dialect {
        case .sqlite:
            return try batch.map { check in
                try db.first(
                    sqliteSQL, [.integer(check.environmentID), .text(check.list), .text(DayTotals.names)], revision
                ) ?? nil
            }
        case .postgres:
            var found = [ListRevision?](repeating: nil, count: batch.count)
            try db.forEach(
                postgresSQL,
                [.integers(batch.map(\.environmentID)), .strings(batch.map(\.list)), .text(DayTotals.names)]
            ) { row in found[Int(row.int(0)) - 1] = revision(row) }
            return found
        }
    }
}

extension Database {
    /// Runs `body` on a reading connection unless the list still has the revision of what was kept.
    /// - Parameters:
    ///   - list: as `DayPager` names it.
    ///   - connections: of which it is told how fresh they are when the list is unchanged.
    public func read<T: Sendable>(
        _ list: String, _ scope: Scope, unless kept: Kept<T>?, freshnessOf connections: [String] = [],
        _ body: @escaping @Sendable (any SQLConnection) throws -> T
    ) async throws -> CheckedRead<T> {
        let reads = core.reads
        let answer: Result<CheckedRead<T>, any Error> = await withCheckedContinuation { continuation in
            core.checks.check(list, scope, freshnessOf: connections, on: reads) { found, connection in
                let revision: ListRevision?
                let freshness: [FreshnessFacts]
                switch found {
                case .failure(let error): return continuation.resume(returning: .failure(error))
                case .success(let now): (revision, freshness) = (now.revision, now.freshness)
                }
                if let kept, kept.revision == revision {
                    return continuation.resume(returning: .success(.unchanged(kept.value, freshness)))
                }
                let job: DatabaseCore.Read = { connection in
                    continuation.resume(returning: Self.perform(connection, false, body).map { .read($0, revision) })
                }
                if let connection { return job(connection) }
                do { try reads.push(job) } catch { continuation.resume(returning: .failure(error)) }
            }
        }
        return try answer.get()
    }
}
