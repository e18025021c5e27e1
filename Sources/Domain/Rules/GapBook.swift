/// A gap as it is kept: suspected until its days were fetched once more, then told of until it closes.
public struct KeptGap: Sendable, Equatable {
    /// Where a gap is in its life.
    public enum State: String, Sendable { case suspected, open, closed }
    public var id: Int64
    public var gap: CompletenessGap
    public var state: State
    public init(id: Int64, gap: CompletenessGap, state: State) {
        self.id = id
        self.gap = gap
        self.state = state
    }
}

/// What a check changes in the gaps that are kept of an account.
public struct GapChanges: Sendable, Equatable {
    /// New ones, whose days are to be fetched once more.
    public var suspected: [CompletenessGap] = []
    /// Still there after that: they are told of.
    public var opened: [KeptGap] = []
    /// Gone; those that were told of are told of again.
    public var closed: [KeptGap] = []
    /// Of another size by now.
    public var moved: [KeptGap] = []
    public var isEmpty: Bool { suspected.isEmpty && opened.isEmpty && closed.isEmpty && moved.isEmpty }

    /// - Parameters:
    ///   - kept: suspected and open ones of the days that were checked.
    ///   - found: what the check says is missing now.
    ///   - isRefetched: whether the run that was checked fetched suspected days again.
    public init(kept: [KeptGap], found: [CompletenessGap], isRefetched: Bool) {
        var left = kept
        for gap in found {
            guard let index = left.firstIndex(where: { $0.gap.overlaps(gap) }) else {
                suspected.append(gap)
                continue
            }
            var known = left.remove(at: index)
            // Its days stay those in which it was found: the window of a later check begins or ends elsewhere.
            let isChanged = known.gap.minor != gap.minor
            known.gap.minor = gap.minor
            switch known.state {
            case .suspected where isRefetched:
                known.state = .open
                opened.append(known)
            default: if isChanged { moved.append(known) }
            }
        }
        closed = left
    }
}

extension CompletenessGap {
    /// Whether both may tell of the same rows.
    public func overlaps(_ other: CompletenessGap) -> Bool {
        window.from <= other.window.to && other.window.from <= window.to
    }
}
