import Domain

/// The steps of runs, written with what they wrote.
public enum StepStore {
    private static let insert = BulkStatement.insert(
        order: 31, into: "refresh_step",
        [
            ("environment_id", .bigint), ("refresh_id", .bigint), ("id", .bigint), ("operation", .text),
            ("account_id", .text), ("from_on", .text), ("to_on", .text), ("at_ms", .bigint), ("duration_ms", .bigint),
            ("calls", .bigint), ("outcome", .text), ("detail", .text), ("upstream_code", .text), ("added", .bigint),
            ("modified", .bigint), ("removed", .bigint), ("dropped", .text), ("notes", .text),
        ])

    /// - Parameter id: a number of the sequence; steps are listed in its order.
    public static func append(_ step: StepTrace, id: Int64, of refresh: Int64, _ scope: Scope, _ tx: Transaction) {
        let dropped = step.dropped.filter { $0.value > 0 }.map { "\($0.key.rawValue):\($0.value)" }.sorted()
        tx.append(
            insert,
            [
                .integer(scope.environmentID), .integer(refresh), .integer(id), .text(step.operation),
                .text(step.accountID), .day(step.window?.from), .day(step.window?.to), .at(step.at),
                .integer(step.durationMs), .integer(step.calls), .text(step.outcome), .text(step.detail),
                .text(step.upstreamCode), .integer(step.added), .integer(step.modified), .integer(step.removed),
                .text(dropped.joined(separator: ",")),
                .text(step.notes.map(\.rawValue).sorted().joined(separator: ",")),
            ])
    }

    private static let listSQL = """
        SELECT operation, account_id, from_on, to_on, at_ms, duration_ms, calls, outcome, detail, upstream_code, added,
            modified, removed, dropped, notes
        FROM refresh_step WHERE environment_id = $1 AND refresh_id = $2 ORDER BY id DESC LIMIT $3
        """

    /// The newest steps of a run, in the order in which they were taken.
    public static func list(
        _ refresh: Int64, limit: Int, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [StepTrace] {
        try db.query(listSQL, [.integer(scope.environmentID), .integer(refresh), .int(limit)], trace).reversed()
    }

    private static func trace(_ row: borrowing Row) -> StepTrace {
        var step = StepTrace(operation: row.text(0), accountID: row.textOrNil(1), at: row.instant(4))
        if let from = row.textOrNil(2).flatMap({ LocalDate($0) }), let to = row.textOrNil(3).flatMap({ LocalDate($0) })
        {
            step.window = DayWindow(from: from, to: to)
        }
        step.durationMs = row.int(5)
        step.calls = row.int(6)
        step.outcome = row.text(7)
        step.detail = row.textOrNil(8)
        step.upstreamCode = row.textOrNil(9)
        step.added = row.int(10)
        step.modified = row.int(11)
        step.removed = row.int(12)
        for part in row.text(13).split(separator: ",") {
            let pair = part.split(separator: ":")
            guard pair.count == 2, let reason = BankFault(rawValue: String(pair[0])), let count = Int(pair[1]) else {
                continue
            }
            step.dropped[reason] = count
        }
        step.notes = Set(row.text(14).split(separator: ",").compactMap { BankFault(rawValue: String($0)) })
        return step
    }

    /// Of the oldest runs of a connection, which are taken away after them.
    static let eraseSQL = """
        DELETE FROM refresh_step WHERE environment_id = $1 AND refresh_id IN (
            SELECT id FROM refresh WHERE environment_id = $1 AND connection_id = $2 ORDER BY id LIMIT $3)
        """
}
