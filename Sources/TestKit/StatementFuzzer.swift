import Connectors
import Domain
import Foundation
import Glibc

/// Statement files with mistakes in them, made from good ones: each input is a pure function of seed and number.
///
/// What must hold of every input: the reader ends, with events or a typed error; it tells the same whatever the pieces
/// are; rows stand inside a statement, and their text has no control characters.
public struct StatementFuzzer: Sendable {
    /// What was found of the inputs that were played.
    public struct Outcome: Sendable {
        public var inputs = 0
        public var bytes = 0
        public var rows = 0
        /// How many files were read to their end.
        public var read = 0
        /// How many were refused, by the error's code.
        public var refused: [String: Int] = [:]
        public var slowestMs = 0.0
        public var slowestInput = 0
        /// The first input of which something does not hold, and what.
        public var fault: String?
    }

    private let seed: UInt64
    private let samples: [[UInt8]]
    private static let sampleBytesMax = 6000
    private static let inputBytesMax = 20_000
    /// No input of this size may take this thread longer, on a slow machine and in a debug build.
    private static let inputMsMax = 5000.0

    /// - Parameter samples: good files; of large ones only the beginning is used.
    public init(seed: UInt64, samples: [[UInt8]]) {
        self.seed = seed
        self.samples = samples.map { Array($0.prefix(StatementFuzzer.sampleBytesMax)) }
    }

    /// The files of a folder and its folders, in the order of their names, without those that are named.
    public static func samples(in folder: String, without: Set<String> = []) throws -> [[UInt8]] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
        return names.compactMap { name in
            let isLeftOut = without.contains { name.hasSuffix("/" + $0) }
            guard !isLeftOut, !name.hasSuffix(".txt"), !name.hasSuffix(".md") else { return nil }
            return FileManager.default.contents(atPath: folder + "/" + name).map { [UInt8]($0) }
        }.filter { !$0.isEmpty }
    }

    /// Plays inputs by their numbers until one fails.
    public func play(_ numbers: Range<Int>, progress: (Int) -> Void = { _ in }) -> Outcome {
        var outcome = Outcome()
        for number in numbers {
            let input = input(number)
            let start = Self.spentMs()
            outcome.inputs += 1
            outcome.bytes += input.count
            if let fault = check(input, number, &outcome) {
                outcome.fault = "input \(number) of seed \(seed): \(fault)"
                return outcome
            }
            let spent = Self.spentMs() - start
            if spent > outcome.slowestMs { (outcome.slowestMs, outcome.slowestInput) = (spent, number) }
            if spent > StatementFuzzer.inputMsMax {
                outcome.fault = "input \(number) of seed \(seed) took \(Int(spent)) ms"
                return outcome
            }
            if number % 10_000 == 9999 { progress(number + 1) }
        }
        return outcome
    }

    /// What this thread has worked: what a busy machine lets it wait is not the reader's fault.
    private static func spentMs() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1000 + Double(time.tv_nsec) / 1_000_000
    }

    /// The input of a number, to look at one that failed.
    public func input(_ number: Int) -> [UInt8] {
        var random = SplitMix(seed: seed &+ UInt64(number) &* 0x9E37_79B9_7F4A_7C15)
        var bytes = samples[random.below(samples.count)]
        for _ in 0..<(1 + random.below(6)) { mutate(&bytes, &random) }
        return Array(bytes.prefix(StatementFuzzer.inputBytesMax))
    }
}

// MARK: - What must hold

extension StatementFuzzer {
    private struct Told: Equatable {
        var events: [StatementEvent] = []
        var error: StatementError?
    }

    private func check(_ input: [UInt8], _ number: Int, _ outcome: inout Outcome) -> String? {
        var random = SplitMix(seed: UInt64(number) &+ 77)
        let kind = random.below(8)
        let whole = told(input, kind) { $0 }
        if let error = whole.error { outcome.refused[error.code.rawValue, default: 0] += 1 } else { outcome.read += 1 }
        if let fault = invalid(whole) { return fault }
        outcome.rows += whole.events.count { if case .row = $0 { true } else { false } }
        // One byte at a time for short ones, else pieces of chance.
        let isBytewise = input.count < 1500 && random.below(2) == 0
        let most = 1 + random.below(300)
        let pieces = told(input, kind) { left in isBytewise ? 1 : min(left, 1 + random.below(most)) }
        // Which of its limits a zip breaks first depends on how much of it is at hand.
        if input.starts(with: [0x50, 0x4B]), pieces.error != nil, whole.error != nil { return nil }
        guard pieces == whole else {
            let at = zip(whole.events, pieces.events).enumerated().first { $0.element.0 != $0.element.1 }?.offset
            return "pieces tell something else (event \(at.map(String.init) ?? "count"), "
                + "\(whole.error?.description ?? "read") against \(pieces.error?.description ?? "read"))"
        }
        return nil
    }

    private func invalid(_ told: Told) -> String? {
        var isOpen = false
        for event in told.events {
            switch event {
            case .begin:
                if isOpen { return "a statement begins within another" }
                isOpen = true
            case .row(let row):
                if !isOpen { return "a row outside a statement" }
                let texts = [row.transaction.text, row.transaction.counterparty, row.transaction.reference]
                for text in texts where text?.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) == true {
                    return "a row with a control character"
                }
            case .end:
                if !isOpen { return "an end without a beginning" }
                isOpen = false
            case .note: break
            }
        }
        return told.error == nil && isOpen ? "a statement without an end" : nil
    }

    /// Most inputs go through the reader that finds out the format; the others straight to one parser.
    private func told(_ input: [UInt8], _ kind: Int, _ size: (Int) -> Int) -> Told {
        var limits = StatementLimits()
        // A zip that unfolds to more is no use here and takes long.
        limits.bytesMax = 1 << 20
        var parser: any StatementParser =
            switch kind {
            case 0: OFXParser(limits: limits)
            case 1: MT940Parser(limits: limits)
            default: StatementReader(name: nil, limits: limits)
            }
        var told = Told()
        var events: [StatementEvent] = []
        do throws(StatementError) {
            var at = 0
            while at < input.count {
                let end = at + size(input.count - at)
                let piece = Array(input[at..<end])
                at = end
                try piece.withUnsafeBufferPointer { bytes throws(StatementError) in
                    try parser.feed(UnsafeRawBufferPointer(bytes)) { event throws(StatementError) in
                        events.append(event)
                    }
                }
            }
            try parser.finish { event throws(StatementError) in events.append(event) }
        } catch {
            told.error = error
        }
        told.events = events
        return told
    }
}

// MARK: - Mistakes

extension StatementFuzzer {
    private static let words: [[UInt8]] = [
        "<STMTTRN>", "</STMTTRN>", "<STMTRS>", "</OFX>", "<OFX>", "<![CDATA[", "]]>", "<!--", "-->", "<?", "&amp;",
        "&#0;",
        "&#x110000;", "<!DOCTYPE a [<!ENTITY b \"c\">]>", "<STATUS><CODE>1</STATUS>", "\n:20:", "\n:25:", "\n:61:",
        "\n:86:", "\n:60F:C240101NGN1,", "\n:62F:C240101NGN1,", "\n-\n", "-}", "{1:F01", "{4:", "?20", "SVWZ+", "EREF+",
        "/REMI/", "//", "\r", "\r\n", "\n\n", "\u{FEFF}", "é", ",", ";", "\t", "\"", "\"\"", "'", "0",
        "99999999999999999999",
        "-1", "(1.00)", "1.234,56", "NaN", "2024-02-30", "31/12/2024", "12/31/2024", "20240230", "000000", "C", "RD",
        "EC",
        "NGN", "XXX", "JPY", "<Ntry>", "</Ntry>", "<Stmt>", "<Amt Ccy=\"NGN\">", "xmlns=\"\"",
        "Date,Narration,Debit,Credit",
        "Balance", "Opening Balance", "\0", "PK\u{3}\u{4}", "%PDF-1.4",
    ].map { Array($0.utf8) }

    private func mutate(_ bytes: inout [UInt8], _ random: inout SplitMix) {
        guard !bytes.isEmpty else {
            bytes = samples[random.below(samples.count)]
            return
        }
        let at = random.below(bytes.count)
        let count = min(1 + random.below(random.below(4) == 0 ? 400 : 12), bytes.count - at)
        switch random.below(10) {
        case 0: bytes[at] ^= UInt8(1 << random.below(8))
        case 1: bytes[at] = UInt8(random.below(256))
        case 2: bytes.removeSubrange(at..<at + count)
        case 3: bytes.insert(contentsOf: Array(bytes[at..<at + count]), at: random.below(bytes.count))
        case 4, 5: bytes.insert(contentsOf: Self.words[random.below(Self.words.count)], at: at)
        case 6: bytes.removeSubrange(at...)
        case 7:
            let other = samples[random.below(samples.count)]
            bytes.replaceSubrange(at..., with: other[random.below(other.count)...])
        case 8:
            let word = Self.words[random.below(Self.words.count)]
            bytes.replaceSubrange(at..<at + count, with: word)
        default:
            let times = 1 + random.below(40)
            let piece = Array(bytes[at..<at + count])
            for _ in 0..<times { bytes.insert(contentsOf: piece, at: at) }
        }
    }
}

extension SplitMix {
    fileprivate mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
}
