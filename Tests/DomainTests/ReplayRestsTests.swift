import Domain
import Testing

@Suite("Jobs that stand still")
struct ReplayRestsTests {
    private func at(_ ms: Int64) -> Instant { Instant(ms: 1_000_000 + ms) }

    @Test("one that does not move rests, longer each time, and for five seconds at most")
    func resting() {
        var rests = ReplayRests()
        var looks: [Int64] = []
        for ms in stride(from: Int64(0), to: 60_000, by: 10) {
            rests.begin()
            if rests.mayGoOn(1, over: 0, at: at(ms)) { looks.append(ms) }
            let wait = rests.end(at: at(ms))
            #expect(wait.map { (1...5000).contains($0) } == true)
        }
        #expect(looks.prefix(4) == [0, 50, 150, 350])
        let pauses = zip(looks, looks.dropFirst()).map { $1 - $0 }
        #expect(pauses.max() == 5000 && pauses.last == 5000)
    }

    @Test("one that moves is looked at in every round, and one whose deliveries get over as soon as they do")
    func moving() {
        var rests = ReplayRests()
        for _ in 0..<3 {
            let mayGoOn = rests.mayGoOn(1, over: 0, at: at(0))
            #expect(mayGoOn)
            rests.move(1)
        }
        var looks: [Bool] = []
        for (over, ms) in [(Int64(0), Int64(0)), (0, 0), (5, 0), (5, 49), (5, 50)] {
            looks.append(rests.mayGoOn(2, over: over, at: at(ms)))
        }
        #expect(looks == [true, false, true, false, true])
    }

    @Test("what ended is forgotten after a round, and a clock that is set back holds nothing up")
    func forgetting() {
        var rests = ReplayRests()
        rests.begin()
        let first = rests.mayGoOn(1, over: 0, at: at(0))
        let wait = rests.end(at: at(0))
        #expect(first && wait == 50)
        rests.begin()
        let none = rests.end(at: at(0))
        #expect(none == nil)
        let again = rests.mayGoOn(1, over: 0, at: at(0))
        let back = rests.mayGoOn(1, over: 0, at: at(-900_000))
        #expect(again && back)
    }
}
