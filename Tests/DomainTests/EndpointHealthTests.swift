import Domain
import Testing

@Suite("The health of an endpoint") struct EndpointHealthTests {
    private let start = Instant(ms: 1_700_000_000_000)
    private let hour: Int64 = 3_600_000

    @Test("it warns after one day and after three, and stops after five, if failures half a day apart show it")
    func rules() {
        var health = EndpointHealth()
        var told: [(hour: Int, verdict: EndpointHealth.Verdict)] = []
        for number in 0...130 {
            let now = start + Int64(number) * hour
            health.failed(at: now, status: 500, error: "status_5xx")
            let verdict = health.verdict(at: now)
            if case .warn(let hours) = verdict { health.warnedHours = hours }
            if verdict != .none { told.append((number, verdict)) }
        }
        #expect(told.prefix(3).map(\.hour) == [24, 72, 120])
        #expect(told.prefix(3).map(\.verdict) == [.warn(hours: 24), .warn(hours: 72), .disable])
    }

    @Test("two failures of one moment do not stop an endpoint, however long ago it was asked")
    func spaced() {
        var health = EndpointHealth()
        health.failed(at: start, status: nil, error: "dns")
        health.failed(at: start + 1000, status: nil, error: "dns")
        #expect(health.verdict(at: start + 6 * Instant.dayMs) == .warn(hours: 72))
        health.failed(at: start + 6 * Instant.dayMs, status: nil, error: "dns")
        #expect(health.verdict(at: start + 6 * Instant.dayMs) == .disable)
    }

    @Test("one success begins anew")
    func recovers() {
        var health = EndpointHealth()
        for number in 0..<119 { health.failed(at: start + Int64(number) * hour, status: 500, error: "status_5xx") }
        health.succeeded(at: start + 119 * hour)
        health.failed(at: start + 120 * hour, status: 500, error: "status_5xx")
        #expect(health.verdict(at: start + 120 * hour) == .none)
        #expect(health.failingSince == start + 120 * hour)
    }

    @Test("a clock that is set back never makes it look older than it is")
    func clock() {
        var health = EndpointHealth()
        health.failed(at: start + 30 * Instant.dayMs, status: 500, error: nil)
        health.failed(at: start, status: 500, error: nil)
        #expect(health.verdict(at: start) == .none)
        #expect(health.failingSince == start)
    }

    @Test("it is written when failing begins and ends, and seldom while nothing changes")
    func written() {
        var health = EndpointHealth()
        #expect(!health.isWorthWriting(over: nil, isResting: true, at: start))
        health.succeeded(at: start)
        #expect(health.isWorthWriting(over: nil, isResting: false, at: start))
        let written = (health: health, at: start)
        health.succeeded(at: start + 30_000)
        #expect(!health.isWorthWriting(over: written, isResting: true, at: start + 30_000))
        health.succeeded(at: start + 60_000)
        #expect(health.isWorthWriting(over: written, isResting: true, at: start + 60_000))
        health.failed(at: start + 61_000, status: 500, error: nil)
        #expect(
            !health.isWorthWriting(over: written, isResting: false, at: start + 61_000),
            "one may be followed by success")
        #expect(health.isWorthWriting(over: written, isResting: true, at: start + 61_000))
        let failing = (health: health, at: start + 61_000)
        health.succeeded(at: start + 62_000)
        #expect(health.isWorthWriting(over: failing, isResting: false, at: start + 62_000))
    }
}
