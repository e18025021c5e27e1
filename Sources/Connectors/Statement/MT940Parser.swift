import Domain

/// Reads MT940 (statements) and MT942 (what came since the last one), with or without the blocks of a SWIFT message,
/// several messages in a file, as banks really write them.
///
/// A row's day is the entry date, or the value date where that is all there is; amounts are + into the account, so a
/// credit that is taken back (`RC`) is negative.
public struct MT940Parser: StatementParser, Sendable {
    private var lines: StatementLines
    private let fieldBytesMax: Int
    private var message: MT940Message
    /// The field being gathered: its tag, its lines parted by LF, and the line where it began.
    private var tag: Tag?
    private var field: [UInt8] = []
    private var fieldLine = 0
    private var isInBlock = false
    private var hasMessage = false
    private var hasNotedLine = false

    public init(limits: StatementLimits = StatementLimits()) {
        lines = StatementLines(lineBytesMax: limits.fieldBytesMax)
        fieldBytesMax = limits.fieldBytesMax
        message = MT940Message()
    }

    enum Tag: Sendable, Equatable {
        case reference, account, number, opening, row, details, closing, available, floor, other
    }

    public mutating func feed(
        _ bytes: UnsafeRawBufferPointer, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        var lines = StatementLines(lineBytesMax: 0)
        swap(&lines, &self.lines)
        try lines.feed(bytes) { line, number throws(StatementError) in try take(line, number, tell) }
        self.lines = lines
    }

    public mutating func finish(_ tell: (StatementEvent) throws(StatementError) -> Void) throws(StatementError) {
        var lines = lines
        let isWhole = lines.isBetweenLines
        try lines.finish { line, number throws(StatementError) in try take(line, number, tell) }
        try endField(tell)
        guard hasMessage || message.hasAnything else {
            throw StatementError(
                .malformed, "The file holds no field of an MT940 or MT942; export the statement again.")
        }
        // Some banks leave the closing balance out; only a last line that has its end is known to be whole.
        guard !isInBlock, isWhole || !message.mustGoOn else {
            throw StatementError(
                .truncated, "The file stops before the statement's closing balance; download it again.",
                place: lines.number)
        }
        try message.end(tell)
    }

    private mutating func take(
        _ line: UnsafeRawBufferPointer, _ number: Int, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        var end = line.count
        while end > 0, line[end - 1] == 32 || line[end - 1] == 0x1A { end -= 1 }
        guard end > 0 else { return }
        let whole = line
        let line = UnsafeRawBufferPointer(rebasing: line[..<end])
        if isInBlock, let at = MT940Parser.blockEnd(line) {
            try take(UnsafeRawBufferPointer(rebasing: line[..<at]), number, tell)
            return try take(UnsafeRawBufferPointer(rebasing: line[at...]), number, tell)
        }
        if line[0] == UInt8(ascii: ":") {
            if let (tag, length) = MT940Parser.tag(line) {
                try endField(tell)
                (self.tag, fieldLine) = (tag, number)
                return try append(UnsafeRawBufferPointer(rebasing: whole[length...]))
            }
            // Rabobank's head of a message.
            if line.elementsEqual(":940:".utf8) || line.elementsEqual(":942:".utf8) {
                try endField(tell)
                return try endMessage(tell)
            }
        }
        if MT940Parser.isEnd(line) {
            try endField(tell)
            isInBlock = false
            if line.count > 1 || !message.isOnlyOpened { try endMessage(tell) }
            // A whole file of SWIFT's has the next message's blocks behind the end of this one.
            return try takeBlocks(line, number, tell)
        }
        if line[0] == UInt8(ascii: "{"), line.count > 2, line[2] == UInt8(ascii: ":") {
            try endField(tell)
            return try takeBlocks(line, number, tell)
        }
        if tag != nil { return try append(whole) }
        guard line.count > MT940Parser.preambleBytesMax, !hasNotedLine else { return }
        hasNotedLine = true
        try tell(.note(.init(.notUnderstood, "A line outside the statement was passed over.", place: number)))
    }

    /// Banks put their name and the kind of message on short lines before each message.
    private static let preambleBytesMax = 80

    /// The text block begins with `{4:`; what stands behind that is a line like any other.
    private mutating func takeBlocks(
        _ line: UnsafeRawBufferPointer, _ number: Int, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        guard let at = line.indices.first(where: { line[$0...].starts(with: "{4:".utf8) }) else { return }
        if message.hasAnything { try endMessage(tell) }
        isInBlock = true
        let rest = UnsafeRawBufferPointer(rebasing: line[(at + 3)...])
        if !rest.isEmpty { try take(rest, number, tell) }
    }

    /// `-`, `-}` and what follows it, `-XXX`.
    private static func isEnd(_ line: UnsafeRawBufferPointer) -> Bool {
        guard line[0] == UInt8(ascii: "-") else { return false }
        if line.count == 1 || line[1] == UInt8(ascii: "}") { return true }
        return line.count <= 4 && line[1...].allSatisfy { $0 == UInt8(ascii: "X") }
    }

    /// Where a line's text ends with its block: `…950,00-}`, `…-}{5:…}`; nil where a line is all text or all end.
    private static func blockEnd(_ line: UnsafeRawBufferPointer) -> Int? {
        line.indices.dropFirst().dropLast().first { at in
            line[at] == UInt8(ascii: "-") && line[at + 1] == UInt8(ascii: "}")
                && (at + 2 == line.count || line[at + 2] == UInt8(ascii: "{"))
        }
    }

    private mutating func append(_ bytes: UnsafeRawBufferPointer) throws(StatementError) {
        guard field.count + bytes.count < fieldBytesMax else {
            throw StatementError(
                .tooLarge, "A field has more than \(fieldBytesMax) bytes; export the statement again.",
                place: fieldLine)
        }
        if !field.isEmpty { field.append(10) }
        field.append(contentsOf: bytes)
    }

    private mutating func endField(
        _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        guard let tag else { return }
        self.tag = nil
        if tag == .reference || (tag == .opening && message.hasRows) {
            // Not every bank writes the end of a message before the next one.
            if message.hasAnything { try endMessage(tell) }
        }
        try message.take(tag, field, line: fieldLine, tell)
        field.removeAll(keepingCapacity: true)
    }

    private mutating func endMessage(
        _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        guard message.hasAnything else { return }
        hasMessage = true
        try message.end(tell)
    }

    /// `:61:`, `:60F:`, `:NS:`; with the number of bytes it takes. A time in a text such as `:12:30` is none, because
    /// no field has such a number.
    private static func tag(_ line: UnsafeRawBufferPointer) -> (Tag, length: Int)? {
        guard line.count >= 4 else { return nil }
        let (first, second) = (line[1], line[2])
        if first == UInt8(ascii: "N"), second == UInt8(ascii: "S"), line[3] == colon { return (.other, 4) }
        guard (48...57).contains(first), (48...57).contains(second) else { return nil }
        let isPlain = line[3] == colon
        guard isPlain || (line.count >= 5 && (65...90).contains(line[3]) && line[4] == colon) else { return nil }
        let length = isPlain ? 4 : 5
        switch (first - 48) * 10 + second - 48 {
        case 20: return (.reference, length)
        case 25: return (.account, length)
        case 28: return (.number, length)
        case 60: return (.opening, length)
        case 61: return (.row, length)
        case 62: return (.closing, length)
        case 64: return (.available, length)
        case 86: return (.details, length)
        case 34: return (.floor, length)
        case 13, 21, 65, 90: return (.other, length)
        default: return nil
        }
    }

    private static var colon: UInt8 { UInt8(ascii: ":") }
}
