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

    var count: Int { entries.count }

    subscript(sql: String) -> Statement? {
        mutating get {
            guard let index = entries.index(forKey: sql) else { return nil }
            uses += 1
            entries.values[index].usedAt = uses
            return entries.values[index].statement
        }
        set {
            uses += 1
            entries[sql] = newValue.map { Entry(statement: $0, usedAt: uses) }
        }
    }

    /// The statement that must go before another comes in, if the cache is full.
    mutating func removeOldestIfFull() -> Statement? {
        guard entries.count >= max, let oldest = entries.min(by: { $0.value.usedAt < $1.value.usedAt }) else {
            return nil
        }
        return entries.removeValue(forKey: oldest.key)?.statement
    }

    mutating func removeAll() { entries = [:] }
}
