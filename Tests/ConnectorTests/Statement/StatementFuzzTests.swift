import Domain
import Foundation
import TestKit
import Testing

/// A short run of what `scripts/fuzz` plays a million times.
@Suite("Statement files with mistakes")
struct StatementFuzzTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/statements").path()
    private static let inputs = 400

    @Test("every file ends in events or a typed error, and tells the same whatever its pieces", arguments: [1, 2])
    func holds(seed: UInt64) throws {
        let samples = try StatementFuzzer.samples(
            in: Self.folder,
            // What it unfolds to takes a debug build seconds; the reader has a test of its own for it.
            without: ["fail-zip-bomb.zip"])
        #expect(samples.count > 40)
        let outcome = StatementFuzzer(seed: seed, samples: samples).play(0..<Self.inputs)
        #expect(outcome.fault == nil)
        #expect(outcome.inputs == Self.inputs)
        // Chance alone gives some of each; a fuzzer that only makes garbage proves nothing.
        #expect(outcome.read > 20 && outcome.rows > 100)
        #expect(outcome.refused.count >= 4)
    }
}
