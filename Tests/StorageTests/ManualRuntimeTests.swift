import Domain
import TestKit
import Testing

struct ManualRuntimeTests {
    @Test("who sleeps wakes when the clock passes, and not before")
    func sleeping() async throws {
        let runtime = ManualRuntime(now: Instant(ms: 0))
        try await runtime.sleep(until: Instant(ms: 0))
        let early = Task { try await runtime.sleep(until: Instant(ms: 10)) }
        let late = Task { try await runtime.sleep(until: Instant(ms: 20)) }
        await runtime.sleepers(atLeast: 2)
        #expect(runtime.nextDeadline == Instant(ms: 10))
        runtime.advance(milliseconds: 10)
        try await early.value
        #expect(runtime.nextDeadline == Instant(ms: 20))
        late.cancel()
        await #expect(throws: CancellationError.self) { try await late.value }
        #expect(runtime.nextDeadline == nil)
    }

    @Test("the same seed gives the same bytes and ids")
    func seeds() {
        let (one, two, other) = (ManualRuntime(seed: 5), ManualRuntime(seed: 5), ManualRuntime(seed: 6))
        #expect(one.randomBytes(33) == two.randomBytes(33))
        #expect(one.newID() as ID<Tenant> == two.newID())
        #expect(one.randomBytes(33) != other.randomBytes(33))
    }
}
