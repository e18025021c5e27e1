import Domain
import Testing

@Suite("Trace context")
struct TraceParentTests {
    private static let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test("a caller's header is read, also of a later version")
    func read() throws {
        let read = try #require(TraceParent(header: Self.good))
        #expect(read.traceID == "4bf92f3577b34da6a3ce929d0e0e4736" && read.parentID == "00f067aa0ba902b7")
        #expect(read.header == Self.good)
        #expect(TraceParent(header: "cc" + Self.good.dropFirst(2) + "-what-comes")?.traceID == read.traceID)
    }

    @Test(
        "what is none is not guessed",
        arguments: [
            "", "-", "00", String(good.dropLast()), good + "-00", good + " ", "ff" + good.dropFirst(2),
            good.uppercased(),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            good.replacing("-", with: "_"), good.replacing("4bf9", with: "4bg9"), "é" + good.dropFirst(2),
        ])
    func none(_ text: String) { #expect(TraceParent(header: text) == nil) }

    @Test("the attempts of an event are one trace, each with a place of its own, and read as what they are")
    func attempts() throws {
        var seen: Set<String> = []
        for delivery in [Int64(0), 7, 8, .max] {
            for attempt in Int64(1)...20 {
                let made = TraceParent(
                    installation: "00112233445566ff", event: 42, delivery: delivery, attempt: attempt)
                #expect(made.traceID == "00112233445566ff000000000000002a")
                #expect(TraceParent(header: made.header) == made)
                seen.insert(made.parentID)
            }
        }
        #expect(seen.count == 80)
        #expect(TraceParent(installation: "0000000000000001", event: 0, delivery: 0, attempt: 0).parentID.last == "1")
    }
}
