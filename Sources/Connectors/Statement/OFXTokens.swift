import Domain

/// Cuts OFX into its tags and the text behind them, whether SGML of version 1 or XML of version 2.
///
/// Entities are the five of XML, `&nbsp;` and numbers; nothing is ever declared, loaded or unfolded.
struct OFXTokens: Sendable {
    enum Token {
        /// What stands before the first tag.
        case header(String)
        /// An opening tag with the text up to the next tag; `<A/>` is an opening one without text.
        case open(String, text: String)
        case close(String)
    }

    private enum Mode: Sendable, Equatable {
        case header, text, tag, cdata, comment, instruction
    }

    private let bytesMax: Int
    private var mode = Mode.header
    private var buffer: [UInt8] = []
    /// The opening tag whose text is being gathered.
    private var tag: String?
    private var text: [UInt8] = []
    private var decoder = StatementText()
    /// Of the byte being read, from 1.
    private(set) var line = 1
    private var tagLine = 1
    /// CDATA keeps its entities as they are written.
    private var hasEntity = false

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// True between two tags, where a file may end.
    var isBetweenTags: Bool { mode == .text && tag == nil }

    mutating func feed(
        _ bytes: UnsafeRawBufferPointer, _ tell: (StatementEvent) throws(StatementError) -> Void,
        _ token: (Token, Int) throws(StatementError) -> Void
    ) throws(StatementError) {
        var at = 0
        while at < bytes.count {
            if mode == .header || mode == .text {
                at = try run(bytes, from: at)
                continue
            }
            let byte = bytes[at]
            at += 1
            if byte == 10 { line += 1 }
            switch mode {
            case .header, .text: break
            case .tag: try inTag(byte, tell, token)
            case .cdata:
                try keep(byte)
                guard byte == gt, buffer.ends("]]>") else { continue }
                buffer.removeLast(3)
                try keepText(buffer)
                (mode, buffer) = (.text, [])
            case .comment:
                try keep(byte)
                if byte == gt, buffer.ends("-->") { (mode, buffer) = (.text, []) }
            case .instruction:
                try keep(byte)
                guard byte == gt else { continue }
                try token(.header(try decoder.read(buffer, place: line, tell)), line)
                (mode, buffer) = (.text, [])
            }
        }
    }

    /// Gives the text behind the last tag.
    mutating func finish(
        _ tell: (StatementEvent) throws(StatementError) -> Void, _ token: (Token, Int) throws(StatementError) -> Void
    ) throws(StatementError) {
        guard mode == .text else { return }
        try giveOpen(tell, token)
    }

    /// Takes what stands outside tags, up to the next one; gives where to go on.
    private mutating func run(_ bytes: UnsafeRawBufferPointer, from start: Int) throws(StatementError) -> Int {
        var end = start
        while end < bytes.count, bytes[end] != lt {
            if bytes[end] == 10 { line += 1 } else if bytes[end] == UInt8(ascii: "&") { hasEntity = true }
            end += 1
        }
        if mode == .header || tag != nil {
            guard text.count + end - start <= bytesMax else { throw tooLong }
            text.append(contentsOf: bytes[start..<end])
        }
        guard end < bytes.count else { return end }
        (mode, buffer) = (.tag, [])
        return end + 1
    }

    private mutating func inTag(
        _ byte: UInt8, _ tell: (StatementEvent) throws(StatementError) -> Void,
        _ token: (Token, Int) throws(StatementError) -> Void
    ) throws(StatementError) {
        if buffer.isEmpty, !isTagStart(byte) {
            // A "<" that somebody forgot to escape.
            try keepText([lt])
            mode = .text
            if byte == lt { mode = .tag } else { try keepText([byte]) }
            return
        }
        if byte != gt {
            try keep(byte)
            if buffer.count == 8, buffer.elementsEqual("![CDATA[".utf8) { (mode, buffer) = (.cdata, []) }
            if buffer.count == 3, buffer.elementsEqual("!--".utf8) { (mode, buffer) = (.comment, []) }
            if buffer.count == 1, byte == UInt8(ascii: "?") { mode = .instruction }
            return
        }
        try giveOpen(tell, token)
        let whole = buffer
        (mode, buffer) = (.text, [])
        tagLine = line
        guard whole.first != UInt8(ascii: "!") else {
            throw StatementError(
                .malformed, "A document type is not accepted; export the statement as plain OFX.", place: line)
        }
        if whole.first == UInt8(ascii: "/") { return try token(.close(OFXTokens.name(whole.dropFirst())), line) }
        tag = OFXTokens.name(whole[...])
    }

    private mutating func giveOpen(
        _ tell: (StatementEvent) throws(StatementError) -> Void, _ token: (Token, Int) throws(StatementError) -> Void
    ) throws(StatementError) {
        if let open = tag {
            var value = text.isEmpty ? "" : try decoder.read(text, place: tagLine, tell)
            if hasEntity { value = OFXTokens.unescaped(value) }
            value = StatementText.trimmed(value)
            tag = nil
            try token(.open(open, text: value), tagLine)
        } else if !text.isEmpty {
            try token(.header(try decoder.read(text, place: tagLine, tell)), tagLine)
        }
        text.removeAll(keepingCapacity: true)
        hasEntity = false
    }

    private func isTagStart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
        case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "!"): true
        default: false
        }
    }

    /// The name in upper case, without attributes or the slash of an empty element.
    private static func name(_ bytes: ArraySlice<UInt8>) -> String {
        var name: [UInt8] = []
        for byte in bytes {
            if byte <= 0x20 || byte == UInt8(ascii: "/") { break }
            name.append((97...122).contains(byte) ? byte - 32 : byte)
        }
        return StatementText.decode(name).text
    }

    private mutating func keep(_ byte: UInt8) throws(StatementError) {
        guard buffer.count < bytesMax else { throw tooLong }
        buffer.append(byte)
    }

    private mutating func keepText(_ bytes: [UInt8]) throws(StatementError) {
        guard tag != nil else { return }
        guard text.count + bytes.count <= bytesMax else { throw tooLong }
        text.append(contentsOf: bytes)
    }

    private var tooLong: StatementError {
        StatementError(
            .tooLarge, "A field has more than \(bytesMax) bytes; export the statement again.", place: line)
    }

    private var lt: UInt8 { UInt8(ascii: "<") }
    private var gt: UInt8 { UInt8(ascii: ">") }
}

extension OFXTokens {
    private static let named: [(name: String, text: String)] = [
        ("amp", "&"), ("lt", "<"), ("gt", ">"), ("quot", "\""), ("apos", "'"), ("nbsp", " "),
    ]

    /// Each entity once, from left to right; what is none stays as it is.
    static func unescaped(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        while let amp = rest.firstIndex(of: "&") {
            result += rest[..<amp]
            rest = rest[amp...]
            let body = rest.dropFirst().prefix(entityLengthMax)
            guard let end = body.firstIndex(of: ";"), let scalar = meaning(body[..<end]) else {
                result += "&"
                rest = rest.dropFirst()
                continue
            }
            result += scalar
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    private static let entityLengthMax = 9

    private static func meaning(_ name: Substring) -> String? {
        if let found = named.first(where: { $0.name == name }) { return found.text }
        guard name.first == "#" else { return nil }
        let digits = name.dropFirst()
        let isHex = digits.first == "x" || digits.first == "X"
        guard let value = UInt32(isHex ? digits.dropFirst() : digits, radix: isHex ? 16 : 10), value >= 0x20,
            value != 0x7F,
            let scalar = Unicode.Scalar(value)
        else { return nil }
        return String(Character(scalar))
    }
}

extension [UInt8] {
    fileprivate func ends(_ tail: StaticString) -> Bool {
        count >= tail.utf8CodeUnitCount
            && suffix(tail.utf8CodeUnitCount).elementsEqual(
                UnsafeBufferPointer(start: tail.utf8Start, count: tail.utf8CodeUnitCount))
    }
}
