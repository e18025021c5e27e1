/// A Swift file as the rules see it: as written, its code alone, and its texts alone.
struct SourceFile: Sendable {
    let path: String
    let lines: [Substring]
    /// Comments and the contents of string literals blanked; code inside interpolations kept.
    let code: SearchableText
    /// The contents of string literals; all else blanked.
    let texts: SearchableText

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let bytes = Array(text.utf8)
        let code = Scrubber(bytes, keepingStrings: false).scrubbed()
        let codeAndTexts = Scrubber(bytes, keepingStrings: true).scrubbed()
        self.code = SearchableText(code)
        texts = SearchableText(
            zip(code, codeAndTexts).map { $0 == $1 && $0 != UInt8(ascii: "\n") ? UInt8(ascii: " ") : $1 })
    }

    var name: String { path.split(separator: "/").last.map(String.init) ?? path }
    var isTest: Bool { path.hasPrefix("Tests/") || path.hasPrefix("Sources/TestKit/") }
    /// The folder in `Sources`, of this package or of an example.
    var target: String? {
        let parts = path.split(separator: "/")
        guard let sources = parts.firstIndex(where: { $0 == "Sources" || $0 == "Tests" }), sources + 2 < parts.count
        else { return nil }
        return String(parts[sources + 1])
    }

    /// Where code says any of `needles`.
    func findings(of needles: String..., because why: String) -> [Finding] {
        needles.flatMap { needle in
            code.lines(containing: needle).map { Finding(path: path, line: $0, what: "`\(needle)`: \(why)") }
        }
    }

    /// True when the line above, or the line itself, carries a comment.
    func hasComment(at line: Int) -> Bool {
        [line - 1, line].contains { number in
            number >= 1 && number <= lines.count && lines[number - 1].contains("//")
        }
    }
}

/// Text that is searched for fixed words.
struct SearchableText: Sendable {
    let bytes: [UInt8]
    /// The byte at which each line starts.
    private let starts: [Int]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var starts = [0]
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") { starts.append(index + 1) }
        self.starts = starts
    }

    func line(at offset: Int) -> Int {
        var low = 0
        var high = starts.count
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }

    func text(ofLine line: Int) -> Substring {
        let end = line < starts.count ? starts[line] - 1 : bytes.count
        return Substring(String(decoding: bytes[starts[line - 1]..<end], as: UTF8.self))
    }

    var lineCount: Int { starts.count }

    func lines(containing needle: String) -> [Int] {
        var lines: [Int] = []
        for offset in offsets(of: needle) {
            let line = line(at: offset)
            if lines.last != line { lines.append(line) }
        }
        return lines
    }

    /// Occurrences that are whole words at the ends where the needle is a word.
    func offsets(of needle: String) -> [Int] {
        let wanted = Array(needle.utf8)
        guard let first = wanted.first, let last = wanted.last, wanted.count <= bytes.count else { return [] }
        var found: [Int] = []
        bytes.withUnsafeBufferPointer { bytes in
            wanted.withUnsafeBufferPointer { wanted in
                var index = 0
                let end = bytes.count - wanted.count
                while index <= end {
                    if bytes[index] == first, Self.matches(bytes, wanted, at: index) { found.append(index) }
                    index += 1
                }
            }
        }
        return found.filter { offset in
            let next = offset + wanted.count
            let isInWord = isWord(first) && offset > 0 && isWord(bytes[offset - 1])
            return !isInWord && !(isWord(last) && next < bytes.count && isWord(bytes[next]))
        }
    }

    private static func matches(
        _ bytes: UnsafeBufferPointer<UInt8>, _ wanted: UnsafeBufferPointer<UInt8>, at index: Int
    ) -> Bool {
        var step = 1
        while step < wanted.count {
            if bytes[index + step] != wanted[step] { return false }
            step += 1
        }
        return true
    }
}

func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
    default: false
    }
}
