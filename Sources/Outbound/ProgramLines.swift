import NIOCore

/// Cuts what a program prints into lines.
struct ProgramLines {
    private let bytesMax: Int
    private let cutsLong: Bool
    private var rest: [UInt8] = []

    struct TooLong: Error {}

    /// - Parameter cutsLong: what is beyond the longest line is dropped.
    init(bytesMax: Int, cutsLong: Bool = false) {
        self.bytesMax = bytesMax
        self.cutsLong = cutsLong
    }

    /// The lines that are whole now, without their ends; empty ones are left out.
    mutating func feed(_ piece: ByteBufferView) throws(TooLong) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var piece = piece
        while let end = piece.firstIndex(of: UInt8(ascii: "\n")) {
            try append(piece[..<end])
            piece = piece[(end + 1)...]
            if rest.last == UInt8(ascii: "\r") { rest.removeLast() }
            if !rest.isEmpty { lines.append(rest) }
            rest = []
        }
        try append(piece)
        return lines
    }

    private mutating func append(_ piece: ByteBufferView) throws(TooLong) {
        let room = bytesMax - rest.count
        guard piece.count <= room || cutsLong else { throw TooLong() }
        rest += piece.prefix(room)
    }

    /// What came without an end of line.
    mutating func flush() -> [UInt8] {
        defer { rest = [] }
        return rest
    }
}

/// Finds which request a line answers without reading all of it: lines are large and are read where they are waited
/// for.
enum ProgramAnswer {
    /// The whole number under `id` in the outermost object; nil when the line is no object or has none.
    static func number(of line: [UInt8]) -> Int64? {
        var scan = Scan(line)
        guard scan.take(UInt8(ascii: "{")) else { return nil }
        while let key = scan.string() {
            guard scan.take(UInt8(ascii: ":")) else { return nil }
            if line[key].elementsEqual("id".utf8) { return scan.number() }
            guard scan.skipValue(), scan.take(UInt8(ascii: ",")) else { return nil }
        }
        return nil
    }

    private struct Scan {
        let line: [UInt8]
        var index = 0

        init(_ line: [UInt8]) { self.line = line }

        mutating func take(_ byte: UInt8) -> Bool {
            skipSpace()
            guard index < line.count, line[index] == byte else { return false }
            index += 1
            return true
        }

        /// What stands between the quotes, escapes and all.
        mutating func string() -> Range<Int>? {
            guard take(UInt8(ascii: "\"")) else { return nil }
            let start = index
            while index < line.count {
                switch line[index] {
                case UInt8(ascii: "\""):
                    index += 1
                    return start..<(index - 1)
                case UInt8(ascii: "\\"): index += 2
                default: index += 1
                }
            }
            return nil
        }

        mutating func number() -> Int64? {
            skipSpace()
            let digits = line[index...].prefix { (48...57).contains($0) }
            index += digits.count
            skipSpace()
            guard index < line.count, line[index] == UInt8(ascii: ",") || line[index] == UInt8(ascii: "}") else {
                return nil
            }
            return Int64(String(decoding: digits, as: UTF8.self))
        }

        /// Over a value, up to the comma or brace behind it.
        mutating func skipValue() -> Bool {
            var depth = 0
            while index < line.count {
                switch line[index] {
                case UInt8(ascii: "\""):
                    guard string() != nil else { return false }
                    continue
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    if depth == 0 { return true }
                    depth -= 1
                case UInt8(ascii: ",") where depth == 0: return true
                default: break
                }
                index += 1
            }
            return false
        }

        private mutating func skipSpace() {
            while index < line.count, line[index] == 0x20 || line[index] == 0x09 { index += 1 }
        }
    }
}
