/// The calls of a connection's last day, by operation, as one short text in its schedule.
public struct CallLedger: Sendable, Equatable {
    /// In seconds; a call counts as made at the end of its second.
    static let window: Int64 = Instant.dayMs / 1000

    private(set) var made: [BankOperation: RollingCalls] = [:]

    public init() {}

    /// Calls of one operation in the day before `now`; of all of them when none is named.
    public func count(_ operation: BankOperation? = nil, at now: Instant) -> Int {
        let seconds = now.ms / 1000
        if let operation { return made[operation]?.count(at: seconds, window: Self.window) ?? 0 }
        return made.values.reduce(0) { $0 + $1.count(at: seconds, window: Self.window) }
    }

    /// Notes calls.
    public mutating func add(_ operation: BankOperation, _ count: Int = 1, at now: Instant) {
        made[operation, default: RollingCalls()].add(
            count, at: (now.ms + 999) / 1000, now: now.ms / 1000, window: Self.window)
    }

    /// Notes calls that leave the window at an instant.
    mutating func add(_ operation: BankOperation, _ count: Int, leaving: Instant, at now: Instant) {
        made[operation, default: RollingCalls()].add(
            count, at: (leaving.ms + 999) / 1000 - Self.window, now: now.ms / 1000, window: Self.window)
    }

    /// The first moment at which one more call stays within a limit of calls of these operations together.
    func free(_ operations: [BankOperation], limit: Int, at now: Instant) -> Instant {
        let all = operations.flatMap { made[$0]?.entries ?? [] }
        let at = RollingCalls(entries: all).free(1, limit: max(1, limit), at: now.ms / 1000, window: Self.window)
        return max(now, Instant(ms: (at ?? now.ms / 1000 + Self.window) * 1000))
    }

    /// `balance:1705309200,3*1705309260;transactions:1705309201`
    public var text: String {
        made.filter { !$0.value.isEmpty }.sorted { $0.key.rawValue < $1.key.rawValue }
            .map { "\($0.key.rawValue):\($0.value.text)" }.joined(separator: ";")
    }

    /// Reads what `text` writes; what cannot be read is left out.
    public init(text: String) {
        for part in text.split(separator: ";") {
            let pieces = part.split(separator: ":")
            guard pieces.count == 2, let operation = BankOperation(rawValue: String(pieces[0])) else { continue }
            made[operation] = RollingCalls(text: pieces[1])
        }
    }
}
