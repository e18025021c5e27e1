import Foundation
import TestKit

/// `scripts/fuzz`: plays statement files with mistakes in them, made from a folder of good ones.
@main
struct Fuzz {
    static func main() throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard arguments.count == 4, let inputs = Int(arguments[1]), let seed = UInt64(arguments[2]),
            let first = Int(arguments[3]), inputs > 0
        else {
            FileHandle.standardError.write(Data("Fuzz FOLDER INPUTS SEED FIRST\n".utf8))
            exit(2)
        }
        // What the bomb unfolds to takes as long as a thousand other inputs; the reader has a test of its own for it.
        let samples = try StatementFuzzer.samples(in: arguments[0], without: ["fail-zip-bomb.zip"])
        let fuzzer = StatementFuzzer(seed: seed, samples: samples)
        print("\(inputs) inputs from \(samples.count) samples, seed \(seed), from input \(first)")
        fflush(nil)
        let start = ContinuousClock.now
        // A crash is found again from the last number that was shown.
        let outcome = fuzzer.play(first..<first + inputs) { done in
            guard done % 100_000 == 0 else { return }
            print("  \(done) played, memory at most \(peakMiB()) MiB")
            fflush(nil)
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        print("\(outcome.inputs) inputs, \(outcome.bytes >> 20) MiB, in \(Int(seconds)) s")
        print("read \(outcome.read), with \(outcome.rows) rows; refused \(outcome.inputs - outcome.read):")
        for (code, count) in outcome.refused.sorted(by: { $0.value > $1.value }) { print("  \(code) \(count)") }
        print("slowest \(String(format: "%.1f", outcome.slowestMs)) ms (input \(outcome.slowestInput))")
        print("memory at most \(peakMiB()) MiB")
        guard let fault = outcome.fault else { return print("all held") }
        print("FAULT: \(fault)")
        exit(1)
    }

    /// The most memory that the process has had, as Linux tells it.
    private static func peakMiB() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) >> 10
    }
}
