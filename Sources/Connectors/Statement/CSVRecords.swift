/// One line of a CSV, or several where a quoted field holds line ends.
struct CSVRecord: Sendable {
    /// The fields one behind the other, without quotes.
    fileprivate(set) var bytes: [UInt8] = []
    /// Where each field ends.
    fileprivate(set) var ends: [Int] = []
    /// From 1: where it begins.
    fileprivate(set) var line = 1

    var count: Int { ends.count }

    /// A field without spaces around it; empty when there is none.
    subscript(index: Int) -> ArraySlice<UInt8> {
        guard index >= 0, index < ends.count else { return [] }
        var field = bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]]
        while let first = field.first, first == 32 || first == 9 { field.removeFirst() }
        while let last = field.last, last == 32 || last == 9 { field.removeLast() }
        return field
    }

    var isBlank: Bool { bytes.allSatisfy { $0 == 32 || $0 == 9 } }
}

/// Cuts a CSV into records, in pieces: fields may be quoted, and quoted ones hold delimiters, line ends and doubled
/// quotes (RFC 4180).
struct CSVRecords: Sendable {
    private enum State: Sendable {
        case start, plain, quoted, closing
    }

    private static let fieldsMax = 1024
    private static let quote = UInt8(ascii: "\"")
    private let delimiter: UInt8
    private let bytesMax: Int
    private var state = State.start
    private var record = CSVRecord()
    private var line = 1
    private var sawReturn = false
    private var quotedAt = 1

    init(delimiter: UInt8, bytesMax: Int) {
        self.delimiter = delimiter
        self.bytesMax = bytesMax
    }

    /// True when the last record given by `finish` had no line end behind it.
    var isOpen: Bool { state != .start || !record.bytes.isEmpty || !record.ends.isEmpty }

    mutating func feed(
        _ bytes: UnsafeRawBufferPointer, _ give: (CSVRecord) throws(StatementError) -> Void
    ) throws(StatementError) {
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if sawReturn {
                sawReturn = false
                if byte == 10 {
                    index += 1
                    continue
                }
            }
            switch state {
            case .quoted: index = try takeQuoted(bytes, index)
            case .start where byte == Self.quote && isFieldBlank:
                record.bytes.removeLast(record.bytes.count - (record.ends.last ?? 0))
                (state, quotedAt) = (.quoted, line)
                index += 1
            case .closing where byte == Self.quote:
                record.bytes.append(byte)
                state = .quoted
                index += 1
            case .start, .plain, .closing:
                index = try takePlain(bytes, index, give)
            }
        }
    }

    /// Gives what stands behind the last line end.
    mutating func finish(_ give: (CSVRecord) throws(StatementError) -> Void) throws(StatementError) {
        guard state != .quoted else {
            throw StatementError(
                .truncated, "A quoted field is not closed before the file ends. Export it again.", place: quotedAt)
        }
        guard isOpen else { return }
        try endRecord(give)
    }

    private var isFieldBlank: Bool { record.bytes[(record.ends.last ?? 0)...].allSatisfy { $0 == 32 } }

    private mutating func takeQuoted(_ bytes: UnsafeRawBufferPointer, _ start: Int) throws(StatementError) -> Int {
        var index = start
        while index < bytes.count, bytes[index] != Self.quote {
            // Lines end with LF, CR LF or CR.
            if bytes[index] == 10 { line += 1 }
            index += 1
        }
        try append(bytes[start..<index])
        guard index < bytes.count else { return index }
        state = .closing
        return index + 1
    }

    private mutating func takePlain(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ give: (CSVRecord) throws(StatementError) -> Void
    ) throws(StatementError) -> Int {
        var index = start
        while index < bytes.count {
            let byte = bytes[index]
            if byte == delimiter || byte == 10 || byte == 13 { break }
            // A quote opens only where nothing but spaces stood before it in its field.
            if byte == Self.quote, state == .start { break }
            index += 1
            if byte != 32 { state = .plain }
        }
        try append(bytes[start..<index])
        guard index < bytes.count else { return index }
        let byte = bytes[index]
        if byte == Self.quote { return index }
        if byte == delimiter {
            record.ends.append(record.bytes.count)
            guard record.ends.count < Self.fieldsMax else {
                throw StatementError(.tooLarge, "A line has more fields than any statement's.", place: line)
            }
            state = .start
            return index + 1
        }
        sawReturn = byte == 13
        // Nothing needs a line without anything in it.
        if !record.bytes.isEmpty || !record.ends.isEmpty || state == .closing { try endRecord(give) }
        state = .start
        line += 1
        record.line = line
        return index + 1
    }

    private mutating func append(_ piece: Slice<UnsafeRawBufferPointer>) throws(StatementError) {
        guard record.bytes.count + piece.count <= bytesMax else {
            throw StatementError(
                .tooLarge, "A line is longer than any statement's; a quote may be missing in it.", place: record.line)
        }
        record.bytes.append(contentsOf: piece)
    }

    private mutating func endRecord(_ give: (CSVRecord) throws(StatementError) -> Void) throws(StatementError) {
        record.ends.append(record.bytes.count)
        state = .start
        try give(record)
        record.bytes.removeAll(keepingCapacity: true)
        record.ends.removeAll(keepingCapacity: true)
    }
}
