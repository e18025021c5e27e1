import Domain
import Testing

@Suite("The pace of an endpoint") struct EndpointPacerTests {
    private let start = Instant(ms: 1_700_000_000_000)

    private func begin(_ pacer: inout EndpointPacer, at now: Instant) -> Int? {
        if case .go(let epoch) = pacer.begin(at: now) { epoch } else { nil }
    }

    /// So many requests that all end well, as many at once as it allows.
    private func succeed(_ pacer: inout EndpointPacer, _ count: Int, at now: Instant) {
        var left = count
        while left > 0 {
            var epochs: [Int] = []
            while epochs.count < left, let epoch = begin(&pacer, at: now) { epochs.append(epoch) }
            for epoch in epochs { pacer.end(.success, epoch: epoch, at: now, chance: 0) }
            left -= epochs.count
        }
    }

    @Test("it starts with four at once, grows while all goes well, and never beyond 64")
    func grows() {
        var pacer = EndpointPacer()
        #expect(pacer.atOnce == 4)
        for _ in 0..<4 { #expect(begin(&pacer, at: start) != nil) }
        #expect(pacer.begin(at: start) == .full)
        for _ in 0..<4 { pacer.end(.success, epoch: 0, at: start, chance: 0) }
        #expect(pacer.atOnce > 4)
        succeed(&pacer, 1000, at: start)
        #expect(pacer.atOnce == 64)
    }

    @Test("it does not grow for requests that come one at a time")
    func grownByNeed() {
        var pacer = EndpointPacer()
        for _ in 0..<100 {
            let epoch = begin(&pacer, at: start)
            pacer.end(.success, epoch: epoch ?? 0, at: start, chance: 0)
        }
        #expect(pacer.atOnce <= 4)
    }

    @Test("an owner's limit is kept, and order means one at a time")
    func limits() {
        var pacer = EndpointPacer()
        pacer.configure(inFlightMax: 7, ratePerSecond: nil, isOrdered: false, at: start)
        succeed(&pacer, 1000, at: start)
        #expect(pacer.atOnce == 7)
        pacer.configure(inFlightMax: 7, ratePerSecond: nil, isOrdered: true, at: start)
        #expect(pacer.atOnce == 1)
    }

    @Test("429, 502, 504 and time-outs halve the number once for what was under way, then it ramps back slowly")
    func halves() {
        var pacer = EndpointPacer()
        succeed(&pacer, 1000, at: start)
        var epochs: [Int] = []
        while let epoch = begin(&pacer, at: start) { epochs.append(epoch) }
        #expect(epochs.count == 64)
        for epoch in epochs.prefix(3) { pacer.end(.overloaded, epoch: epoch, at: start, chance: 0) }
        #expect(pacer.atOnce == 32, "three of one round are one sign")
        for epoch in epochs.dropFirst(3) { pacer.end(.success, epoch: epoch, at: start, chance: 0) }
        #expect((32...34).contains(pacer.atOnce))
        succeed(&pacer, 10_000, at: start)
        #expect(pacer.atOnce == 64)
    }

    @Test("a rate is never exceeded in any second, also after bursts")
    func rate() {
        var pacer = EndpointPacer()
        pacer.configure(inFlightMax: nil, ratePerSecond: 50, isOrdered: false, at: start)
        var sent: [Int64] = []
        var now = start
        while now - start < 5000 {
            switch pacer.begin(at: now) {
            case .go(let epoch):
                sent.append(now.ms)
                pacer.end(.success, epoch: epoch, at: now, chance: 0)
            case .wait(let until):
                #expect(until > now)
                now = until
            case .full: Issue.record("nothing is under way")
            }
        }
        for first in sent.indices {
            let inSecond = sent[first...].prefix { $0 < sent[first] + 1000 }.count
            #expect(inSecond <= 50)
        }
        #expect(sent.count > 150, "it is used")
    }

    @Test("an endpoint that only fails is asked one at a time with growing pauses, whatever waits")
    func breaks() {
        var pacer = EndpointPacer()
        var now = start
        var asked = 0
        while now - start < 3_600_000 {
            switch pacer.begin(at: now) {
            case .go(let epoch):
                asked += 1
                pacer.end(.refused, epoch: epoch, at: now, chance: 0)
            case .wait(let until): now = until
            case .full: Issue.record("nothing is under way")
            }
        }
        #expect(pacer.isBroken)
        #expect(asked < 40, "an hour of a backlog without end costs \(asked) attempts")
        let probes = pacer.begin(at: now)
        #expect(probes != .full)
    }

    @Test("a black hole is broken after its first round, and one success makes it well again")
    func blackHole() {
        var pacer = EndpointPacer()
        let epochs = (0..<4).compactMap { _ in begin(&pacer, at: start) }
        let end = start + 15_000
        for epoch in epochs { pacer.end(.overloaded, epoch: epoch, at: end, chance: 0) }
        #expect(pacer.isBroken)
        guard case .wait(let until) = pacer.begin(at: end) else { return #expect(Bool(false)) }
        #expect(until - end == 5000)
        let probe = begin(&pacer, at: until)
        #expect(probe != nil)
        #expect(pacer.begin(at: until) == .full, "one probe at a time")
        pacer.end(.success, epoch: probe ?? 0, at: until, chance: 0)
        #expect(!pacer.isBroken)
        #expect(begin(&pacer, at: until) != nil)
    }

    @Test("Retry-After holds everything, at most a day")
    func retryAfter() {
        var pacer = EndpointPacer()
        let epoch = begin(&pacer, at: start)
        pacer.end(.overloaded, epoch: epoch ?? 0, retryAfterMs: 90_000, at: start, chance: 0)
        #expect(pacer.begin(at: start + 89_999) == .wait(until: start + 90_000))
        let later = begin(&pacer, at: start + 90_000)
        pacer.end(.overloaded, epoch: later ?? 0, retryAfterMs: .max / 2, at: start + 90_000, chance: 0)
        #expect(pacer.begin(at: start + 90_001) == .wait(until: start + 90_000 + Instant.dayMs))
    }

    @Test("a test goes while all others wait; one that succeeds ends the wait, one that fails does not")
    func test() {
        var pacer = EndpointPacer()
        let epoch = begin(&pacer, at: start)
        pacer.end(.overloaded, epoch: epoch ?? 0, retryAfterMs: 90_000, at: start, chance: 0)
        for outcome in [EndpointPacer.Outcome.refused, .success] {
            #expect(pacer.isHeld && pacer.begin(at: start + 1000) == .wait(until: start + 90_000))
            guard case .go(let test) = pacer.begin(at: start + 1000, isTest: true) else { return #expect(Bool(false)) }
            pacer.end(outcome, epoch: test, isTest: true, at: start + 1000, chance: 0)
        }
        #expect(!pacer.isHeld && begin(&pacer, at: start + 1001) != nil)
    }

    @Test("a clock that is set back ends a hold of the time before")
    func clock() {
        var pacer = EndpointPacer()
        let epoch = begin(&pacer, at: start)
        pacer.end(.overloaded, epoch: epoch ?? 0, retryAfterMs: 90_000, at: start, chance: 0)
        #expect(begin(&pacer, at: start + -3_600_000) != nil)
    }
}
