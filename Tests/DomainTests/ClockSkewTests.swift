import Domain
import Testing

struct ClockSkewTests {
    @Test(
        "a clock is wrong by no more than the question's way leaves open",
        arguments: [(1000, 0), (1500, 0), (2000, 0), (2300, 300), (400, -600)] as [(Int64, Int64)])
    func certain(theirs: Int64, skew: Int64) {
        let found = ClockSkew.certainMs(
            asked: Instant(ms: 1000), answered: Instant(ms: 2000), theirs: Instant(ms: theirs))
        #expect(found == skew)
    }

    @Test("a second apart is well, more is said with its direction")
    func problem() {
        #expect(ClockSkew.problem(1000) == nil)
        #expect(ClockSkew.problem(-1000) == nil)
        #expect(ClockSkew.problem(1001)?.hasPrefix("it is ahead of this machine by 1 second;") == true)
        #expect(ClockSkew.problem(-7200)?.hasPrefix("it is behind this machine by 7 seconds;") == true)
    }
}
