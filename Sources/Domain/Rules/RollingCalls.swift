/// Calls and when they were made, for limits over a rolling window. It may overstate for a while and never understates:
/// a call counts until a whole window after it has passed.
public struct RollingCalls: Sendable, Equatable {
    /// Beyond this the two closest entries become one.
    static let entriesMax = 32

    struct Entry: Sendable, Equatable {
        /// The latest call of the entry, in whatever unit the owner counts.
        var at: Int64
        var count: Int
    }
    /// In the order of their times.
    private(set) var entries: [Entry] = []

    public init() {}

    init(entries: [Entry]) { self.entries = entries.sorted { $0.at < $1.at } }

    public var isEmpty: Bool { entries.isEmpty }
    /// The last call.
    public var latest: Int64? { entries.last?.at }

    /// Calls that are still in a window of this length at `now`.
    public func count(at now: Int64, window: Int64) -> Int {
        entries.reduce(0) { $0 + ($1.at + window > now ? $1.count : 0) }
    }

    /// Notes calls and forgets those that have left the window.
    public mutating func add(_ count: Int, at time: Int64, now: Int64, window: Int64) {
        entries.removeAll { $0.at + window <= now }
        guard count > 0 else { return }
        if let index = entries.lastIndex(where: { $0.at == time }) {
            entries[index].count += count
        } else {
            entries.append(Entry(at: time, count: count))
            entries.sort { $0.at < $1.at }
        }
        while entries.count > Self.entriesMax { join() }
    }

    /// The first moment, not before `now`, at which so many further calls stay within the limit; nil when never.
    public func free(_ wanted: Int, limit: Int, at now: Int64, window: Int64) -> Int64? {
        guard wanted <= limit else { return nil }
        var inside = count(at: now, window: window)
        if inside + wanted <= limit { return now }
        for entry in entries where entry.at + window > now {
            inside -= entry.count
            if inside + wanted <= limit { return entry.at + window }
        }
        return now
    }

    /// The two that are closest together count as made at the later time.
    private mutating func join() {
        var closest = 1
        for index in 1..<entries.count
        where entries[index].at - entries[index - 1].at < entries[closest].at - entries[closest - 1].at {
            closest = index
        }
        entries[closest].count += entries[closest - 1].count
        entries.remove(at: closest - 1)
    }

    /// `1705309200,3*1705309260`
    public var text: String {
        entries.map { $0.count == 1 ? String($0.at) : "\($0.count)*\($0.at)" }.joined(separator: ",")
    }

    /// Reads what `text` writes; what cannot be read is left out.
    public init(text: some StringProtocol) {
        self.init(
            entries: text.split(separator: ",").compactMap { part in
                let pieces = part.split(separator: "*")
                guard let last = pieces.last, let at = Int64(last), pieces.count <= 2 else { return nil }
                let count = pieces.count == 2 ? Int(pieces[0]) : 1
                return count.map { Entry(at: at, count: $0) }
            })
    }
}
