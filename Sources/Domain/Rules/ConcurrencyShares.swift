/// Divides the calls that a bank takes at once among the nodes that want some.
public enum ConcurrencyShares {
    /// A node and what it holds; one with nothing waits.
    public struct Holder: Sendable, Equatable {
        public var share: Int
        /// Since when it holds something, or waits.
        public var since: Instant
        public init(share: Int, since: Instant) {
            self.share = share
            self.since = since
        }
    }

    /// What a node gets when it asks: its even part of the cap, or less while others still hold theirs.
    ///
    /// With more nodes than calls they take turns: who waits longest comes first, and who has had its turn gives way.
    /// - Parameters:
    ///   - mine: what the node holds or since when it waits; nil when it comes new.
    ///   - others: the other nodes whose time has not ended.
    ///   - inFlight: calls that the node has under way, which it keeps.
    public static func grant(cap: Int, mine: Holder?, others: [Holder], inFlight: Int) -> Int {
        let free = max(0, cap - others.reduce(0) { $0 + $1.share })
        let nodes = others.count + 1
        if nodes <= cap { return min(free, max(cap / nodes, inFlight)) }
        let waiting = others.filter { $0.share == 0 }
        let held = mine?.share ?? 0
        if held > 0 { return waiting.isEmpty ? min(free, max(1, inFlight)) : min(free, inFlight) }
        let ahead = waiting.filter { other in mine.map { other.since < $0.since } ?? true }.count
        return ahead < free ? 1 : 0
    }
}
