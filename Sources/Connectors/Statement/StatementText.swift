import Domain

/// How the bytes of a statement's text were read.
public enum StatementEncoding: Sendable, Equatable {
    case ascii, utf8
    /// No UTF-8: read as Windows-1252, of which Latin-1's letters are a part, or as the encoding that the file names.
    case windows1252
}

/// Text of a statement as people may see it and a database keeps it: no control characters, whatever the bytes were.
///
/// What a file says of its encoding is often wrong, so the bytes decide: UTF-8 where they are valid, else Windows-1252.
public struct StatementText: Sendable {
    private var hasUTF8 = false
    private(set) var has1252 = false
    private var hasNoted: (mixed: Bool, bad: Bool) = (false, false)

    public init() {}

    /// The text without control characters; a tab and a line's end become a space, what is no text U+FFFD.
    /// - Parameter charset: what bytes that are no UTF-8 are read as.
    static func decode(_ bytes: some Collection<UInt8>, as charset: StatementCharset = .windows1252) -> (
        text: String, encoding: StatementEncoding, isWhole: Bool
    ) {
        var (isASCII, hasControl) = (true, false)
        for byte in bytes {
            if byte >= 0x80 { isASCII = false }
            if byte < 0x20 || byte == 0x7F { hasControl = true }
        }
        if !hasControl, isASCII { return (String(decoding: bytes, as: UTF8.self), .ascii, true) }
        if let text = String(validating: bytes, as: UTF8.self) {
            let (clean, isWhole) = hasControl ? cleaned(text) : (text, true)
            return (clean, isASCII ? .ascii : .utf8, isWhole)
        }
        var text = ""
        for byte in bytes { text.unicodeScalars.append(charset.scalar(byte)) }
        let (clean, isWhole) = cleaned(text)
        return (clean, .windows1252, isWhole)
    }

    /// Decodes, and tells once a file that its bytes are of two encodings or no text.
    mutating func read(
        _ bytes: some Collection<UInt8>, place: Int, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) -> String {
        let (text, encoding, isWhole) = StatementText.decode(bytes)
        switch encoding {
        case .ascii: break
        case .utf8: hasUTF8 = true
        case .windows1252: has1252 = true
        }
        if hasUTF8, has1252, !hasNoted.mixed {
            hasNoted.mixed = true
            try tell(
                .note(
                    .init(.encoding, "Some of the text is UTF-8 and some Windows-1252; each was read so.", place: place)
                )
            )
        }
        if !isWhole, !hasNoted.bad {
            hasNoted.bad = true
            try tell(.note(.init(.encoding, "Some bytes are no text; each is shown as \u{FFFD}.", place: place)))
        }
        return text
    }

    private static let replacement: Unicode.Scalar = "\u{FFFD}"

    private static func cleaned(_ text: String) -> (String, isWhole: Bool) {
        var clean = String.UnicodeScalarView()
        var isWhole = true
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x09, 0x0A, 0x0D: clean.append(" ")
            case 0..<0x20, 0x7F:
                clean.append(replacement)
                isWhole = false
            default:
                if scalar == replacement { isWhole = false }
                clean.append(scalar)
            }
        }
        return (String(clean), isWhole)
    }

    /// Without white space at both ends, and one space for each run of it.
    static func squeezed(_ text: some StringProtocol) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            if byte == 0x20, bytes.isEmpty || bytes.last == 0x20 { continue }
            bytes.append(byte)
        }
        if bytes.last == 0x20 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Without white space at both ends: a reference is otherwise as it was written.
    static func trimmed(_ text: some StringProtocol) -> String {
        var bytes = Substring(text).utf8
        while bytes.first == 0x20 { bytes.removeFirst() }
        while bytes.last == 0x20 { bytes.removeLast() }
        return String(Substring(bytes))
    }

    /// nil when nothing is left.
    static func some(_ text: String) -> String? { text.isEmpty ? nil : text }
}

/// Puts the pieces of a file together to lines, which end with LF, CR or both.
public struct StatementLines: Sendable {
    private var partial: [UInt8] = []
    private var endedWithCR = false
    private let lineBytesMax: Int
    /// Of the line that was told last, from 1.
    public private(set) var number = 0

    /// True when the last line has its end.
    public var isBetweenLines: Bool { partial.isEmpty }

    /// - Parameter lineBytesMax: a longer line is `too_large`.
    public init(lineBytesMax: Int) { self.lineBytesMax = lineBytesMax }

    /// Gives each line that the piece completes, without its end. The buffer is good only during the call.
    public mutating func feed(
        _ bytes: UnsafeRawBufferPointer,
        _ line: (UnsafeRawBufferPointer, Int) throws(StatementError) -> Void
    ) throws(StatementError) {
        var start = 0
        var at = 0
        if endedWithCR, bytes.first == 10 { (start, at) = (1, 1) }
        if !bytes.isEmpty { endedWithCR = false }
        while at < bytes.count {
            let byte = bytes[at]
            guard byte == 10 || byte == 13 else {
                at += 1
                continue
            }
            try give(UnsafeRawBufferPointer(rebasing: bytes[start..<at]), line)
            at += 1
            if byte == 13 {
                if at == bytes.count { endedWithCR = true } else if bytes[at] == 10 { at += 1 }
            }
            start = at
        }
        guard start < bytes.count else { return }
        guard partial.count + bytes.count - start <= lineBytesMax else { throw tooLong }
        partial.append(contentsOf: bytes[start...])
    }

    /// Gives what stands after the last line's end.
    public mutating func finish(
        _ line: (UnsafeRawBufferPointer, Int) throws(StatementError) -> Void
    ) throws(StatementError) {
        guard !partial.isEmpty else { return }
        try give(UnsafeRawBufferPointer(start: nil, count: 0), line)
    }

    private mutating func give(
        _ rest: UnsafeRawBufferPointer, _ line: (UnsafeRawBufferPointer, Int) throws(StatementError) -> Void
    ) throws(StatementError) {
        guard partial.count + rest.count <= lineBytesMax else { throw tooLong }
        number += 1
        guard !partial.isEmpty else { return try line(rest, number) }
        partial.append(contentsOf: rest)
        var whole: [UInt8] = []
        swap(&whole, &partial)
        try whole.withUnsafeBufferPointer { bytes throws(StatementError) in
            try line(UnsafeRawBufferPointer(bytes), number)
        }
        // Its room serves the next one.
        whole.removeAll(keepingCapacity: true)
        swap(&whole, &partial)
    }

    private var tooLong: StatementError {
        StatementError(
            .tooLarge, "A line has more than \(lineBytesMax) bytes; export the statement again.", place: number + 1)
    }
}
