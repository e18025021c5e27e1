import Testing

@testable import Domain

struct BankMachineTests {
    private let start = Instant(ms: 1_705_309_200_000)

    /// Nodes as a test has them: each its own machine, one row of leases between them.
    private struct Nodes {
        var machines: [BankMachine]
        var row = RollingCalls()

        mutating func call(_ node: Int, at now: Instant) -> Bool {
            for _ in 0..<3 {
                switch machines[node].admit(at: now) {
                case .go: return true
                case .needsCalls:
                    guard let cap = machines[node].limits.rate else { return false }
                    machines[node].leased(cap.lease(cap.chunk, &row, at: now), at: now)
                default: return false
                }
            }
            return false
        }
    }

    @Test("no window of time holds more calls than the rate, over nodes that crash", arguments: 1...60)
    func rate(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let cap = RateCap(
            calls: Int.random(in: 1...40, using: &random), windowMs: Int64.random(in: 100...60_000, using: &random))
        var fresh = BankMachine()
        fresh.limits.rate = cap
        var nodes = Nodes(machines: Array(repeating: fresh, count: Int.random(in: 1...4, using: &random)))
        var now = start
        var made: [Instant] = []
        for _ in 0..<4000 {
            now = now + Int64.random(in: 0...max(1, cap.windowMs / 20), using: &random)
            let node = Int.random(in: 0..<nodes.machines.count, using: &random)
            if Int.random(in: 0..<200, using: &random) == 0 { nodes.machines[node] = fresh }
            if nodes.call(node, at: now) {
                made.append(now)
                nodes.machines[node].ended(isGood: true, at: now)
            }
        }
        var first = 0
        for (index, at) in made.enumerated() {
            while made[first].ms <= at.ms - cap.windowMs { first += 1 }
            #expect(index - first + 1 <= cap.calls)
        }
        #expect(made.count > cap.calls, "calls go on as windows pass")
    }

    @Test("one busy node gets most of the rate")
    func useful() {
        let cap = RateCap(calls: 100, windowMs: 10_000)
        var machine = BankMachine()
        machine.limits.rate = cap
        var nodes = Nodes(machines: [machine])
        var count = 0
        for step in 0..<60_000 where nodes.call(0, at: start + Int64(step) * 10) {
            nodes.machines[0].ended(isGood: true, at: start + Int64(step) * 10)
            count += 1
        }
        #expect(count > 4500 && count <= 6100, "600 seconds of 10 calls each at the most, \(count) were made")
    }

    @Test(
        "shares of the calls at once never add up to more than the cap, and every node gets its turn", arguments: 1...40
    )
    func shares(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let cap = Int.random(in: 1...9, using: &random)
        let count = Int.random(in: 1...6, using: &random)
        var holders: [Int: (holder: ConcurrencyShares.Holder, until: Instant)] = [:]
        var served = Array(repeating: 0, count: count)
        var now = start
        for _ in 0..<3000 {
            now = now + Int64.random(in: 200...2000, using: &random)
            let node = Int.random(in: 0..<count, using: &random)
            holders = holders.filter { $0.value.until > now }
            let mine = holders[node]?.holder
            let others = holders.filter { $0.key != node }.map(\.value.holder)
            let inFlight = mine.map { Int.random(in: 0...max(0, $0.share), using: &random) } ?? 0
            let share = ConcurrencyShares.grant(cap: cap, mine: mine, others: others, inFlight: inFlight)
            let since = mine.flatMap { ($0.share > 0) == (share > 0) ? $0.since : nil } ?? now
            holders[node] = (.init(share: share, since: since), now + (share > 0 ? 15_000 : 60_000))
            served[node] += share > 0 ? 1 : 0
            #expect(holders.values.reduce(0) { $0 + $1.holder.share } <= cap)
        }
        #expect(served.allSatisfy { $0 > 10 }, "served \(served) of cap \(cap)")
    }

    @Test("a node alone has the whole cap and stops at it")
    func concurrency() {
        var machine = BankMachine()
        machine.limits.concurrency = 2
        #expect(machine.admit(at: start) == .needsShare)
        machine.shared(RateLease(count: 2, until: start + 15_000))
        #expect(machine.permits(at: start).count == 2)
        #expect(machine.admit(at: start) == .go)
        #expect(machine.admit(at: start) == .go)
        #expect(machine.admit(at: start) == .wait(until: start + 1000, .concurrency))
        #expect(machine.permits(at: start).count == 0)
        machine.ended(isGood: true, at: start)
        #expect(machine.admit(at: start) == .go)
        #expect(machine.admit(at: start + 15_000) == .needsShare, "a share that has ended begins no call")
    }

    @Test("what a bank says of waiting, and its maintenance, hold every call back")
    func closed() {
        var machine = BankMachine()
        machine.blockedUntil = start + 30_000
        #expect(machine.admit(at: start) == .wait(until: start + 30_000, .throttled))
        #expect(machine.permits(at: start) == (0, start + 30_000))
        #expect(machine.admit(at: start + 30_000) == .go)
        machine.maintenance = [MaintenanceWindow(startsAt: start, endsAt: start + 3_600_000)]
        #expect(machine.admit(at: start + 60_000) == .wait(until: start + 3_600_000, .maintenance))
        #expect(machine.permits(at: start + 3_600_000).count > 0)
    }

    @Test("a window that comes again is one each time")
    func recurring() {
        let window = MaintenanceWindow(startsAt: start, endsAt: start + 7_200_000, everyDays: 7)
        let week = 7 * Instant.dayMs
        #expect(window.end(at: start + -1) == nil)
        #expect(window.end(at: start + 7_200_000) == nil)
        #expect(window.end(at: start + 3 * week + 1) == start + (3 * week + 7_200_000))
        #expect(window.end(at: start + 3 * week + 7_200_000) == nil)
        #expect(!window.isOver(at: start + 100 * week))
        #expect(MaintenanceWindow(startsAt: start, endsAt: start + 1).isOver(at: start + 1))
    }
}

struct CircuitBreakerTests {
    private let start = Instant(ms: 1_705_309_200_000)

    private func broken() -> CircuitBreaker {
        var breaker = CircuitBreaker()
        for index in 0..<20 {
            breaker.begin(at: start)
            breaker.end(isGood: index < 9, at: start)
        }
        return breaker
    }

    @Test("it opens when more than half of twenty calls in half a minute fail, and not before")
    func opens() {
        var breaker = CircuitBreaker()
        for index in 0..<20 { breaker.end(isGood: index < 10, at: start) }
        #expect(breaker.state == .closed, "half is not more than half")
        #expect(broken().state == .open(until: start + 30_000))
        var slow = CircuitBreaker()
        for index in 0..<100 { slow.end(isGood: false, at: start + Int64(index) * 2000) }
        #expect(slow.state == .closed, "too few in half a minute")
    }

    @Test("one probe goes through after the open time; a failed one doubles it up to a quarter of an hour")
    func probes() {
        var breaker = broken()
        var now = start
        for round in 0..<8 {
            #expect(breaker.allowed(at: now).count == 0)
            let wait = min(Int64(30_000) << Int64(round), 900_000)
            #expect(breaker.state == .open(until: now + wait))
            now = now + wait
            #expect(breaker.allowed(at: now).count == 1)
            breaker.begin(at: now)
            #expect(breaker.allowed(at: now).count == 0, "one probe at a time")
            breaker.end(isGood: false, at: now)
        }
    }

    @Test("a probe that goes well lets more and more through, and a bank that fails again is left alone again")
    func ramps() {
        var breaker = broken()
        let now = start + 30_000
        breaker.begin(at: now)
        breaker.end(isGood: true, at: now)
        var allowed = [breaker.allowed(at: now).count]
        while case .ramping = breaker.state {
            breaker.end(isGood: true, at: now)
            allowed.append(breaker.allowed(at: now).count)
        }
        #expect(breaker.state == .closed)
        #expect(allowed == allowed.sorted() && allowed.first == 2)
        var again = broken()
        again.begin(at: now)
        again.end(isGood: true, at: now)
        again.end(isGood: false, at: now)
        again.end(isGood: false, at: now)
        #expect(again.state == .open(until: now + 60_000))
    }

    @Test("a probe that was not made leaves the next call to be it")
    func cancelled() {
        var breaker = broken()
        breaker.begin(at: start + 30_000)
        breaker.cancel(at: start + 30_000)
        #expect(breaker.allowed(at: start + 30_000).count == 1)
    }
}

struct HealthRuleTests {
    private let start = Instant(ms: 1_705_309_200_000)

    private func judge(_ known: InstitutionHealth, good: Int, bad: Int) -> InstitutionHealth {
        var rule = HealthRule()
        for _ in 0..<good { rule.note(isGood: true, at: start) }
        for _ in 0..<bad { rule.note(isGood: false, at: start) }
        return rule.judge(known, isCut: false, at: start + 1000)
    }

    @Test("health follows the share of calls that fail, and needs evidence")
    func judged() {
        #expect(judge(.healthy, good: 100, bad: 5) == .healthy)
        #expect(judge(.healthy, good: 75, bad: 25) == .degraded)
        #expect(judge(.healthy, good: 4, bad: 1) == .healthy, "five calls say little of degraded")
        #expect(judge(.healthy, good: 0, bad: 5) == .down)
        #expect(judge(.healthy, good: 0, bad: 2) == .healthy)
        #expect(judge(.degraded, good: 85, bad: 15) == .degraded, "it turns better later than worse")
        #expect(judge(.degraded, good: 95, bad: 5) == .healthy)
        #expect(judge(.down, good: 40, bad: 60) == .down)
        #expect(judge(.down, good: 60, bad: 40) == .degraded)
        #expect(judge(.down, good: 85, bad: 15) == .degraded)
        #expect(judge(.down, good: 3, bad: 0) == .healthy)
        #expect(judge(.degraded, good: 0, bad: 0) == .degraded)
    }

    @Test("what is older than five minutes does not count, and a bank that is cut off is down")
    func window() {
        var rule = HealthRule()
        for _ in 0..<50 { rule.note(isGood: false, at: start) }
        #expect(rule.judge(.healthy, isCut: false, at: start + 1000) == .down)
        #expect(rule.judge(.healthy, isCut: false, at: start + 330_000) == .healthy)
        #expect(rule.judge(.healthy, isCut: true, at: start + 330_000) == .down)
    }
}
