import Domain
import Testing

struct DueTimesTests {
    private func at(_ ms: Int64) -> Instant { Instant(ms: ms) }

    @Test("a connection is due when the first of its products is")
    func least() {
        #expect(DueTimes(balance: at(5), transactions: at(3)).next == at(3))
        #expect(DueTimes(balance: at(5), transactions: nil).next == at(5))
        #expect(DueTimes(balance: nil, transactions: nil).next == nil)
        #expect(DueTimes(balance: at(5), transactions: at(3), consent: at(1)).next == at(1))
    }

    @Test("a paused connection is due for its consent alone")
    func paused() {
        #expect(DueTimes(balance: at(5), transactions: at(3), isPaused: true).next == nil)
        #expect(DueTimes(balance: at(5), transactions: at(3), consent: at(9), isPaused: true).next == at(9))
    }

    @Test("ids made one after the other are spread evenly over a day")
    func phases() {
        var hours = Array(repeating: 0, count: 24)
        for counter in 0..<24_000 {
            let digits = String(counter + 4096, radix: 16)
            let id = "6740a1b2c3d4e5f607" + String(repeating: "0", count: 6 - digits.count) + digits
            let due = Spread.next(after: at(0), periodMs: 86_400_000, phase: Spread.phase(id))
            hours[Int((due.ms - 1) / 3_600_000)] += 1
        }
        #expect(hours.allSatisfy { (850...1150).contains($0) }, "\(hours)")
    }
}
