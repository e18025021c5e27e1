import Domain

/// Runs that found nothing new: one update of their schedules, and nothing else.
public enum QuietRefreshes {
    /// The order of the statement: after the rows of other units, before lanes are touched.
    private static let update = BulkStatement(
        order: 60, name: "quiet refresh",
        types: [
            .bigint, .text, .bigint, .bigint, .bigint, .bigint, .bigint, .bigint, .text, .bigint, .bigint, .text,
            .bigint, .bigint, .text, .text,
        ],
        postgres: """
            UPDATE refresh_schedule AS s SET due_ms = t.due_ms, balance_due_ms = t.balance_due_ms,
                transactions_due_ms = t.transactions_due_ms, failures = t.failures, synced_to_on = t.synced_to_on,
                balance_ok_ms = t.balance_ok_ms, balance_tried_ms = t.balance_tried_ms,
                balance_outcome = t.balance_outcome, transactions_ok_ms = t.transactions_ok_ms,
                transactions_tried_ms = t.transactions_tried_ms, transactions_outcome = t.transactions_outcome,
                accounts_seen_on = t.accounts_seen_on
            FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
                $7::bigint[], $8::bigint[], $9::text[], $10::bigint[], $11::bigint[], $12::text[], $13::bigint[],
                $14::bigint[], $15::text[], $16::text[])
                AS t (environment_id, connection_id, revision, was_due_ms, due_ms, balance_due_ms,
                transactions_due_ms, failures, synced_to_on, balance_ok_ms, balance_tried_ms, balance_outcome,
                transactions_ok_ms, transactions_tried_ms, transactions_outcome, accounts_seen_on)
            WHERE s.environment_id = t.environment_id AND s.connection_id = t.connection_id
              AND s.revision = t.revision AND s.due_ms = t.was_due_ms
            """,
        sqlite: """
            UPDATE refresh_schedule SET due_ms = $5, balance_due_ms = $6, transactions_due_ms = $7, failures = $8,
                synced_to_on = $9, balance_ok_ms = $10, balance_tried_ms = $11, balance_outcome = $12,
                transactions_ok_ms = $13, transactions_tried_ms = $14, transactions_outcome = $15,
                accounts_seen_on = $16
            WHERE environment_id = $1 AND connection_id = $2 AND revision = $3 AND due_ms = $4
            """)

    /// Keeps how a run left its connection's schedule, unless something changed the schedule since it was read: then
    /// the connection stays due, and who asked for it is served next. The calls of the day are not touched.
    /// - Parameters:
    ///   - schedule: as it was read, with what the run came to.
    ///   - due: when to look at the connection again.
    public static func append(
        _ connection: ID<Connection>, _ schedule: Schedule, due: Instant, _ scope: Scope, _ tx: Transaction
    ) {
        tx.append(
            update,
            [
                .integer(scope.environmentID), .id(connection), .integer(schedule.revision), .at(schedule.dueAt),
                .at(due), .at(schedule.balanceDue), .at(schedule.transactionsDue), .integer(schedule.failures),
                .day(schedule.syncedTo), .at(schedule.balanceSeen.okAt), .at(schedule.balanceSeen.triedAt),
                .text(schedule.balanceSeen.outcome), .at(schedule.transactionsSeen.okAt),
                .at(schedule.transactionsSeen.triedAt), .text(schedule.transactionsSeen.outcome),
                .day(schedule.accountsSeenOn),
            ])
    }

    /// Lets a connection rest whose run broke, whatever was due.
    public static func park(
        _ connection: ID<Connection>, until: Instant, _ scope: Scope, _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            UPDATE refresh_schedule SET due_ms = $3 WHERE environment_id = $1 AND connection_id = $2 AND due_ms < $3
            """, [.integer(scope.environmentID), .id(connection), .at(until)])
    }
}
