/// The statements around a transaction.
enum TransactionText {
    static let commit = "COMMIT"
    static let rollback = "ROLLBACK"

    static func begin(_ dialect: Dialect) -> String { dialect == .sqlite ? "BEGIN IMMEDIATE" : "BEGIN" }
    static func beginSnapshot(_ dialect: Dialect) -> String {
        dialect == .sqlite ? "BEGIN" : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    }
}

extension SQLConnection {
    /// Runs `body` between BEGIN and COMMIT, or ROLLBACK when it throws.
    func inTransaction<T>(snapshot: Bool = false, _ body: () throws -> T) throws -> T {
        try script(snapshot ? TransactionText.beginSnapshot(dialect) : TransactionText.begin(dialect))
        do {
            let value = try body()
            try script(TransactionText.commit)
            return value
        } catch {
            rollBack()
            throw error
        }
    }

    /// Ends the open transaction without effect. If the rollback itself fails the connection is gone or damaged,
    /// and the next BEGIN says so.
    func rollBack() {
        do { try script(TransactionText.rollback) } catch {}
    }
}
