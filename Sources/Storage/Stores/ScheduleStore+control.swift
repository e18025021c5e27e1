import Domain

/// What is changed of a schedule from outside its runs.
extension ScheduleStore {
    /// Stores setting, pause, effective intervals and due times of `schedule`; runs under way leave them as they are.
    public static func control(
        _ connection: ID<Connection>, _ schedule: Schedule, due: Instant, _ scope: Scope, _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            UPDATE refresh_schedule SET due_ms = $3, balance_interval = $4, balance_due_ms = $5,
                transactions_interval = $6, transactions_due_ms = $7, paused_at_ms = $8, balance_effective_ms = $9,
                transactions_effective_ms = $10, balance_reason = $11, transactions_reason = $12,
                revision = revision + 1, setting_revision = setting_revision + 1
            WHERE environment_id = $1 AND connection_id = $2
            """,
            [
                .integer(scope.environmentID), .id(connection), .at(due), .text(schedule.setting.balance?.rawValue),
                .at(schedule.balanceDue), .text(schedule.setting.transactions?.rawValue),
                .at(schedule.transactionsDue), .at(schedule.pausedAt), .int(schedule.balanceEffectiveMs),
                .int(schedule.transactionsEffectiveMs), .text(schedule.balanceReason?.rawValue),
                .text(schedule.transactionsReason?.rawValue),
            ])
    }

    /// Stores what the intervals came to.
    /// - Returns: false when the setting was changed since the schedule was read; nothing is stored then.
    public static func settle(
        _ connection: ID<Connection>, _ schedule: Schedule, _ scope: Scope, _ tx: Transaction
    ) throws -> Bool {
        try tx.db.run(
            """
            UPDATE refresh_schedule SET balance_effective_ms = $3, transactions_effective_ms = $4, balance_reason = $5,
                transactions_reason = $6
            WHERE environment_id = $1 AND connection_id = $2 AND setting_revision = $7
            """,
            [
                .integer(scope.environmentID), .id(connection), .int(schedule.balanceEffectiveMs),
                .int(schedule.transactionsEffectiveMs), .text(schedule.balanceReason?.rawValue),
                .text(schedule.transactionsReason?.rawValue), .integer(schedule.settingRevision),
            ]) == 1
    }

    /// - Returns: false when the connection is in that phase already.
    public static func enter(
        _ phase: ScanPhase, _ connection: ID<Connection>, _ scope: Scope, _ tx: Transaction
    ) throws -> Bool {
        try tx.db.run(
            """
            UPDATE refresh_schedule SET scan_phase = $3
            WHERE environment_id = $1 AND connection_id = $2 AND scan_phase <> $3
            """, [.integer(scope.environmentID), .id(connection), .text(phase.rawValue)]) == 1
    }
}
