/// Prepared statements by their text; the one used longest ago makes room.
struct StatementCache<Statement> {
    private struct Entry {
        var statement: Statement
        var usedAt: UInt64
    }

    private let max: Int
    private var entries: [String: Entry] = [:]
    private var uses: UInt64 = 0

    init(max: Int) { self.max = max }

    subscript(sql: String) -> Statement? {
        mutating get {
            guard let index = entries.index(forKey: sql) else { return nil }
            uses += 1
            entries.values[index].usedAt = uses
            return entries.values[index].statement
        }
    }

    /// - Returns: the statement that had to go.
    mutating func insert(_ statement: Statement, for sql: String) -> Statement? {
        var evicted: Statement?
        if entries.count >= max, let oldest = entries.min(by: { $0.value.usedAt < $1.value.usedAt }) {
            evicted = entries.removeValue(forKey: oldest.key)?.statement
        }
        uses += 1
        entries[sql] = Entry(statement: statement, usedAt: uses)
        return evicted
    }

    mutating func remove(_ sql: String) { entries[sql] = nil }

    mutating func removeAll() { entries = [:] }
}
