import Domain
import Testing

/// A million connections on one interval, as they are spread in time. Counted per second for intervals up to thirty
/// minutes, and per minute beyond.
@Suite("Herds")
struct HerdTests {
    private static let count = 1_000_000
    private static let outageMs: Int64 = 10 * 60_000
    /// Ids as one process makes them, one after the other.
    private static let ids: [String] = (0..<count).map { number in
        let digits = String(number, radix: 16)
        return "6740a1b2c3d4e5f607" + String(repeating: "0", count: 6 - digits.count) + digits
    }
    private static let phases: [UInt64] = ids.map { Spread.phase($0) }

    private func unit(_ interval: RefreshInterval) -> Int64 {
        interval.ms <= RefreshInterval.thirtyMinute.ms ? 1000 : 60_000
    }

    @Test(
        "in a steady interval no second and no minute has a fifth more than the mean",
        arguments: RefreshInterval.allCases)
    func steady(interval: RefreshInterval) {
        let now = Instant(ms: 1_700_000_000_123)
        var counts = Array(repeating: 0, count: Int(interval.ms / unit(interval)))
        for phase in Self.phases {
            let due = Spread.next(after: now, periodMs: interval.ms, phase: phase)
            counts[Int((due - now - 1) / unit(interval))] += 1
        }
        check(counts, interval, "steady")
    }

    @Test(
        "after an outage of ten minutes each is caught up with once, at three times the steady rate at most, evenly",
        arguments: RefreshInterval.allCases)
    func outage(interval: RefreshInterval) {
        let end = Instant(ms: 1_700_000_000_123)
        let begin = end + -Self.outageMs
        let rule = CatchUp(now: end, oldest: begin)
        let window = min(interval.ms, 330_000)
        var counts = Array(repeating: 0, count: Int((window + unit(interval) - 1) / unit(interval)))
        func add(_ at: Instant) {
            let place = Int((at - end - 1) / unit(interval))
            if counts.indices.contains(place) { counts[place] += 1 }
        }
        var caughtUp = 0
        for (id, phase) in zip(Self.ids, Self.phases) {
            var done = end
            let due = Spread.next(after: begin, periodMs: interval.ms, phase: phase)
            if due <= end {
                let overdue = OverdueConnection(id: id, dueAt: due, productDueAt: due, periodMs: interval.ms)
                guard let slot = rule.slot(overdue) else {
                    #expect(interval == .oneMinute, "only those of a minute are done at once")
                    continue
                }
                #expect(slot > end && slot - end <= window)
                let moved = OverdueConnection(id: id, dueAt: slot, productDueAt: due, periodMs: interval.ms)
                #expect(slot == due || rule.slot(moved) == nil || due + interval.ms / 2 > end)
                caughtUp += 1
                done = slot
                add(slot)
            }
            // Its own turns go on meanwhile.
            var next = Spread.next(after: done, periodMs: interval.ms, phase: phase)
            while next - end <= window {
                add(next)
                next = next + interval.ms
            }
        }
        let overdue = min(Double(Self.outageMs) / Double(interval.ms), 1) * Double(Self.count)
        #expect(abs(Double(caughtUp) - overdue) < overdue / 50)
        let steady = Double(Self.count) * Double(unit(interval)) / Double(interval.ms)
        let whole = counts.prefix(Int(window / unit(interval)))
        let mean = Double(whole.reduce(0, +)) / Double(whole.count)
        #expect(mean <= 3 * steady, "\(interval): \(mean / steady) times the steady rate")
        check(Array(whole), interval, "catch-up")
    }

    private func check(_ counts: [Int], _ interval: RefreshInterval, _ what: String) {
        let mean = Double(counts.reduce(0, +)) / Double(counts.count)
        let ratio = Double(counts.max() ?? 0) / mean
        #expect(ratio < 1.2, "\(what) \(interval): the fullest has \(ratio) of the mean")
    }

    // MARK: who gives way

    private let now = Instant(ms: 1_700_000_000_123)

    private func overdue(_ interval: RefreshInterval, late: Int64, moved: Bool = false) -> OverdueConnection {
        OverdueConnection(
            id: "655a5c3e9f1b2c3d4e5f6070", dueAt: moved ? now + -5000 : now + -late, productDueAt: now + -late,
            periodMs: interval.ms)
    }

    @Test("a late scheduler puts off slow connections, for half their interval at most, and one of a minute never")
    func tiers() {
        let rule = CatchUp(now: now, oldest: now + -10_000)
        #expect(rule.slot(overdue(.oneMinute, late: 10_000)) == nil)
        #expect(rule.slot(overdue(.oneMinute, late: 10_000, moved: true)) == nil)
        for interval in RefreshInterval.allCases where interval != .oneMinute {
            #expect(rule.slot(overdue(interval, late: 10_000)) != nil, "\(interval)")
            #expect(rule.slot(overdue(interval, late: interval.ms / 2 - 1, moved: true)) != nil, "\(interval)")
            #expect(rule.slot(overdue(interval, late: interval.ms / 2 + 1, moved: true)) == nil, "\(interval)")
            #expect(rule.slot(overdue(interval, late: 9 * interval.ms)) != nil, "\(interval)")
        }
        #expect(rule.slot(overdue(.oneMinute, late: 61_000)) != nil, "a turn that was missed whole is left out")
    }

    @Test("what was asked for, and what nothing is fetched of by itself, is not put off")
    func askedFor() {
        let rule = CatchUp(now: now, oldest: now + -10_000)
        var asked = overdue(.daily, late: 10_000)
        asked.productDueAt = now + 3_600_000
        #expect(rule.slot(asked) == nil)
        asked.productDueAt = nil
        #expect(rule.slot(asked) == nil)
    }

    @Test("after a long outage the window is longer, and an hour at most")
    func longOutage() {
        for (outage, window): (Int64, Int64) in [
            (60_000, 300_000), (1_200_000, 660_000), (86_400_000, 3_600_000),
        ] {
            let rule = CatchUp(now: now, oldest: now + -outage)
            let slots = Self.ids.prefix(2000).compactMap { id in
                rule.slot(
                    OverdueConnection(
                        id: id, dueAt: now + -30_000, productDueAt: now + -30_000, periodMs: RefreshInterval.daily.ms))
            }
            #expect(slots.count == 2000)
            let last = slots.map { $0 - now }.max() ?? 0
            #expect(last <= window && last > window * 98 / 100, "\(outage): \(last)")
        }
    }
}
