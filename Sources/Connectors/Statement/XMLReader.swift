/// Told of the elements of an XML text, in its order.
protocol XMLVisitor {
    /// A start tag, by its name without prefix.
    mutating func begin(_ name: String, _ attributes: [XMLAttribute]) throws(StatementError)
    /// An end tag, with the characters since the tag before it: the whole text of an element without children.
    mutating func end(_ name: String, _ text: String) throws(StatementError)
    /// Told once, when the first bytes stood that are no text in the declared encoding; they are read as Windows-1252.
    mutating func sawForeignBytes(line: Int)
}

/// An attribute by its name without prefix.
struct XMLAttribute: Sendable, Equatable {
    let name: String
    let value: String
}

/// Reads XML 1.0 in pieces, and of it only what a bank's message needs: elements, attributes, characters, CDATA,
/// comments and processing instructions.
///
/// There is no document type, so no entity can be declared, nothing can be fetched and nothing unfolds: the five named
/// characters and character numbers are all that `&` may begin. Depth, tags and texts are capped.
struct XMLReader: Sendable {
    private enum State: Sendable {
        case text, opened, tag, bang, comment, cdata, instruction
    }

    /// The line that is being read.
    private(set) var line = 1

    private let limits: StatementLimits
    private var state = State.text
    private var quote: UInt8 = 0
    /// Bytes of the end marker of a comment, CDATA or instruction that were seen last.
    private var ending = 0
    private var markup: [UInt8] = []
    private var text: [UInt8] = []
    private var open: [String] = []
    private var sawRoot = false
    /// What the file says it is in, where that is not UTF-8.
    private var charset: StatementCharset?
    private var isForeign = false
    private var toldForeign = false

    init(limits: StatementLimits) { self.limits = limits }

    /// Takes the next piece.
    mutating func feed(_ bytes: UnsafeRawBufferPointer, _ visitor: inout some XMLVisitor) throws(StatementError) {
        var index = 0
        while index < bytes.count {
            if state == .text {
                index = try takeText(bytes, index)
                continue
            }
            let byte = bytes[index]
            index += 1
            if byte == 10 { line += 1 }
            switch state {
            case .text: break
            case .opened: try takeOpened(byte)
            case .tag: try takeTag(byte, &visitor)
            case .bang: try takeBang(byte)
            case .comment: takeComment(byte)
            case .cdata: try takeCDATA(byte)
            case .instruction: try takeInstruction(byte)
            }
        }
    }

    /// - Throws: `truncated` when an element is still open, `malformed` when there was none.
    func finish() throws(StatementError) {
        guard state == .text, open.isEmpty else {
            throw StatementError(.truncated, "The file ends in the middle. Export or copy it again.", place: line)
        }
        guard sawRoot, text.allSatisfy(isXMLSpace) else { throw fault("The file is no XML.") }
    }

    // MARK: characters

    private mutating func takeText(_ bytes: UnsafeRawBufferPointer, _ start: Int) throws(StatementError) -> Int {
        var index = start
        while index < bytes.count, bytes[index] != UInt8(ascii: "<") {
            if bytes[index] == 10 { line += 1 }
            index += 1
        }
        guard text.count + index - start <= limits.fieldBytesMax else {
            throw StatementError(.tooLarge, "A text in the file is longer than a statement needs.", place: line)
        }
        text.append(contentsOf: bytes[start..<index])
        guard index < bytes.count else { return index }
        if open.isEmpty { try checkOutside() }
        state = .opened
        return index + 1
    }

    private mutating func checkOutside() throws(StatementError) {
        guard text.allSatisfy({ $0 == 32 || (9...13).contains($0) }) else {
            throw fault("There is text outside of the message.")
        }
        text.removeAll(keepingCapacity: true)
    }

    // MARK: markup

    private mutating func takeOpened(_ byte: UInt8) throws(StatementError) {
        markup.removeAll(keepingCapacity: true)
        ending = 0
        switch byte {
        case UInt8(ascii: "!"): state = .bang
        case UInt8(ascii: "?"): state = .instruction
        default:
            quote = 0
            state = .tag
            markup.append(byte)
            if byte == UInt8(ascii: ">") { throw fault("A tag has no name.") }
        }
    }

    private mutating func takeBang(_ byte: UInt8) throws(StatementError) {
        markup.append(byte)
        let comment = Array("--".utf8)
        let cdata = Array("[CDATA[".utf8)
        if markup == comment {
            state = .comment
        } else if markup == cdata, !open.isEmpty {
            state = .cdata
        } else if !comment.starts(with: markup), !cdata.starts(with: markup) {
            throw StatementError(
                .bomb,
                "The file declares a document type, by which a small file can unfold to a huge one. "
                    + "A bank's statement has none: export it again.", place: line)
        }
    }

    private mutating func takeComment(_ byte: UInt8) {
        if byte == UInt8(ascii: ">"), ending >= 2 {
            state = .text
        } else {
            ending = byte == UInt8(ascii: "-") ? ending + 1 : 0
        }
    }

    private mutating func takeCDATA(_ byte: UInt8) throws(StatementError) {
        if byte == UInt8(ascii: ">"), ending >= 2 {
            text.removeLast(2)
            state = .text
            return
        }
        ending = byte == UInt8(ascii: "]") ? ending + 1 : 0
        // What follows `&` is decoded later, and in CDATA it stands for itself.
        text.append(contentsOf: byte == UInt8(ascii: "&") ? Array("&amp;".utf8) : [byte])
        guard text.count <= limits.fieldBytesMax else {
            throw StatementError(.tooLarge, "A text in the file is longer than a statement needs.", place: line)
        }
    }

    private mutating func takeInstruction(_ byte: UInt8) throws(StatementError) {
        guard byte == UInt8(ascii: ">"), ending == 1 else {
            ending = byte == UInt8(ascii: "?") ? 1 : 0
            if markup.count < 256 { markup.append(byte) }
            return
        }
        state = .text
        if markup.starts(with: "xml ".utf8), !sawRoot { try declare() }
    }

    /// Encodings whose first half is ASCII can be read; UTF-16 was made UTF-8 before it came here.
    private mutating func declare() throws(StatementError) {
        let words = String(decoding: markup, as: UTF8.self).lowercased()
        guard let at = words.utf8Range(of: "encoding") else { return }
        let quoted = words[at...].split(omittingEmptySubsequences: false) { $0 == "\"" || $0 == "'" }
        guard quoted.count > 1 else { return }
        switch quoted[1] {
        case "utf-8", "utf8", "utf-16", "utf-16le", "utf-16be", "us-ascii", "ascii": charset = nil
        default:
            guard let named = StatementCharset(quoted[1]) else {
                throw StatementError(.encoding, "The file is in an encoding that is not known. Save it as UTF-8.")
            }
            charset = named
        }
    }

    private mutating func takeTag(_ byte: UInt8, _ visitor: inout some XMLVisitor) throws(StatementError) {
        guard byte != UInt8(ascii: ">") || quote != 0 else { return try endTag(&visitor) }
        if quote != 0 {
            if byte == quote { quote = 0 }
        } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
            quote = byte
        }
        guard byte != UInt8(ascii: "<") else { throw fault("A tag is not closed.") }
        guard markup.count < limits.fieldBytesMax else {
            throw StatementError(.tooLarge, "A tag in the file is longer than a statement needs.", place: line)
        }
        markup.append(byte)
    }

    private mutating func endTag(_ visitor: inout some XMLVisitor) throws(StatementError) {
        state = .text
        if markup.first == UInt8(ascii: "/") {
            let name = String(decoding: markup.dropFirst().prefix { !isXMLSpace($0) }, as: UTF8.self)
            guard let last = open.popLast(), last == name else {
                throw fault("The tags of the file do not match each other.")
            }
            let told = try XMLText.decode(text, in: charset, &isForeign, line)
            tellForeign(&visitor)
            text.removeAll(keepingCapacity: true)
            return try visitor.end(XMLText.local(name), told)
        }
        text.removeAll(keepingCapacity: true)
        let isEmpty = markup.last == UInt8(ascii: "/")
        if isEmpty { markup.removeLast() }
        var tag = XMLTag(markup[...], in: charset, line: line)
        let name = try tag.name()
        let attributes = try tag.attributes(&isForeign)
        tellForeign(&visitor)
        guard !open.isEmpty || !sawRoot else { throw fault("The file holds two messages in one.") }
        guard open.count < limits.depthMax else {
            throw StatementError(.bomb, "The elements of the file are nested deeper than any statement's.", place: line)
        }
        sawRoot = true
        try visitor.begin(XMLText.local(name), attributes)
        if isEmpty {
            try visitor.end(XMLText.local(name), "")
        } else {
            open.append(name)
        }
    }

    private mutating func tellForeign(_ visitor: inout some XMLVisitor) {
        guard isForeign, !toldForeign else { return }
        toldForeign = true
        visitor.sawForeignBytes(line: line)
    }

    private func fault(_ message: String) -> StatementError {
        StatementError(.malformed, "\(message) Export it again.", place: line)
    }
}

func isXMLSpace(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 10 || byte == 13 }

extension String {
    /// Where a text of ASCII begins in this one.
    fileprivate func utf8Range(of word: String) -> String.Index? {
        let all = Array(utf8)
        let wanted = Array(word.utf8)
        guard all.count >= wanted.count else { return nil }
        for start in 0...(all.count - wanted.count) where all[start..<start + wanted.count].elementsEqual(wanted) {
            return utf8.index(utf8.startIndex, offsetBy: start)
        }
        return nil
    }
}
