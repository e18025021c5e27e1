import Domain
import Testing

@Suite("Hands for waiting lanes") struct FairHandsTests {
    @Test("an environment alone gets three quarters, so that who comes next waits for nobody")
    func alone() {
        let waiting = [Int64](repeating: 1, count: 1000)
        #expect(FairHands.choose(waiting, held: [:], free: 64).count == 48)
        #expect(FairHands.choose(waiting, held: [1: 48], free: 16).isEmpty)
    }

    @Test("a lane behind thousands of another environment is chosen at once")
    func behind() {
        let waiting = [Int64](repeating: 1, count: 5000) + [2]
        let chosen = FairHands.choose(waiting, held: [1: 48], free: 16)
        #expect(chosen == [5000])
    }

    @Test("equal needs get equal shares, in each the longest waiting first")
    func equal() {
        let waiting = (0..<300).map { Int64($0 % 3) }
        let chosen = FairHands.choose(waiting, held: [:], free: 60)
        #expect(chosen.count == 54, "some are kept for who comes next")
        for environment in Int64(0)..<3 {
            let own = chosen.filter { waiting[$0] == environment }
            #expect(own.count == 18)
            #expect(own == (0..<18).map { Int(environment) + 3 * $0 })
        }
    }

    @Test("who fills a look at the queue is known, so that others behind it are looked for")
    func crowding() {
        #expect(FairHands.crowding([Int64](repeating: 7, count: 250) + [1, 2, 3, 4, 5, 6]) == [7])
        #expect(FairHands.crowding((0..<256).map { Int64($0) }).isEmpty)
    }
}
