/// Finds out from a file's first bytes what it is.
enum StatementSniffer {
    /// Bytes that are looked at.
    static let headBytes = 8 << 10

    enum Kind: Equatable {
        case csv, ofx, mt940, mt942, xml
    }

    enum Wide: Equatable {
        case littleEndian, bigEndian
    }

    /// UTF-16, by its mark or by the zeros between characters of the first half of ASCII; nil for anything else.
    static func wide(_ head: [UInt8]) -> Wide? {
        if head.starts(with: [0xFF, 0xFE]) { return .littleEndian }
        if head.starts(with: [0xFE, 0xFF]) { return .bigEndian }
        let sample = head.prefix(64)
        guard sample.count >= 8 else { return nil }
        let pairs = sample.count / 2
        let even = (0..<pairs).count { sample[$0 * 2] == 0 }
        let odd = (0..<pairs).count { sample[$0 * 2 + 1] == 0 }
        if odd * 10 >= pairs * 9, even == 0 { return .littleEndian }
        if even * 10 >= pairs * 9, odd == 0 { return .bigEndian }
        return nil
    }

    /// - Parameter head: bytes in UTF-8 or in an encoding that holds ASCII, without a byte order mark.
    /// - Throws: `empty`, `wrong_kind` or `unknown_format`.
    static func kind(_ head: [UInt8], name: String?) throws(StatementError) -> Kind {
        if let found = foreign(head) {
            throw StatementError(.wrongKind, "This is \(found). \(advice(name))")
        }
        let start = head.firstIndex { !isXMLSpace($0) } ?? head.endIndex
        let text = head[start...]
        guard !text.isEmpty else { throw StatementError(.empty, "The file is empty. Export the statement again.") }
        let words = String(decoding: text.prefix(1024).map(lowered), as: UTF8.self)
        if words.hasPrefix("ofxheader") || words.hasPrefix("<?ofx") || words.hasPrefix("<ofx>") { return .ofx }
        if words.hasPrefix("<") { return try markup(text, words, name) }
        if let found = swift(text) { return found }
        if words.contains("ofxheader:") && words.contains("<ofx>") { return .ofx }
        guard isText(head) else {
            throw StatementError(
                .unknownFormat, "This file is no text that a bank's statement is written in. \(advice(name))")
        }
        guard !words.hasPrefix("{"), !words.hasPrefix("[") else {
            throw StatementError(.unknownFormat, "This looks like JSON, which no bank exports. \(advice(name))")
        }
        return .csv
    }

    private static func markup(
        _ text: ArraySlice<UInt8>, _ words: String, _ name: String?
    ) throws(StatementError) -> Kind {
        if words.contains("<?ofx") || words.contains("<ofx>") { return .ofx }
        if words.hasPrefix("<!doctype html") || words.contains("<html") || words.hasPrefix("<table") {
            throw StatementError(.wrongKind, "This is a web page. \(advice(name))")
        }
        if words.contains("office:spreadsheet") || words.contains("<workbook") {
            throw StatementError(.wrongKind, "This is a spreadsheet. \(advice(name))")
        }
        if words.hasPrefix("<svg") { throw StatementError(.wrongKind, "This is a picture. \(advice(name))") }
        return .xml
    }

    /// A line that begins with a field of a message's head or row; those that only an MT942 has tell it.
    private static func swift(_ text: ArraySlice<UInt8>) -> Kind? {
        let lines = text.split { $0 == 10 || $0 == 13 }.prefix(300).map { $0.drop { $0 == 32 || $0 == 9 } }
        func has(_ marks: String...) -> Bool {
            lines.contains { line in marks.contains { line.starts(with: $0.utf8) } }
        }
        let fields = has(":20:", ":25:", ":28:", ":28C:", ":60F:", ":60M:", ":61:", ":86:", ":62F:", ":62M:", ":64:")
        guard text.starts(with: "{1:".utf8) || has("{1:", "{4:") || fields else {
            return nil
        }
        let head = String(decoding: text.prefix(200), as: UTF8.self)
        let isNamed =
            head.contains("{2:O942") || head.contains("{2:I942") || lines.contains { $0.elementsEqual("942".utf8) }
        return isNamed || has(":34F:", ":13D:", ":90D:", ":90C:") ? .mt942 : .mt940
    }

    /// Control characters beside tabs, line and page ends are in no text.
    private static func isText(_ head: [UInt8]) -> Bool {
        let odd = head.count { $0 < 32 && !(9...13).contains($0) && $0 != 26 && $0 != 27 }
        return odd * 200 <= head.count
    }

    private static func foreign(_ head: [UInt8]) -> String? {
        let marks: [(bytes: [UInt8], name: String)] = [
            ([0xD0, 0xCF, 0x11, 0xE0], "an Excel or Word file of the older kind"),
            ([0x89, 0x50, 0x4E, 0x47], "a picture"), ([0xFF, 0xD8, 0xFF], "a picture"),
            (Array("GIF8".utf8), "a picture"), (Array("RIFF".utf8), "a picture or a recording"),
            ([0x49, 0x49, 0x2A, 0], "a picture"), ([0x4D, 0x4D, 0, 0x2A], "a picture"),
            ([0x1F, 0x8B], "a file packed with gzip"), ([0x37, 0x7A, 0xBC, 0xAF], "a 7z archive"),
            (Array("Rar!".utf8), "a RAR archive"), (Array("BZh".utf8), "a file packed with bzip2"),
            (Array("{\\rtf".utf8), "a document"), ([0x53, 0x51, 0x4C, 0x69, 0x74, 0x65, 0x20], "a database"),
        ]
        if let found = marks.first(where: { head.starts(with: $0.bytes) }) { return found.name }
        if head.dropFirst(4).starts(with: "ftyp".utf8) { return "a picture or a film" }
        let pdf = Array("%PDF-".utf8)
        let first = head.prefix(1024)
        let isPDF = first.indices.contains { first[$0] == pdf[0] && first[$0...].starts(with: pdf) }
        return isPDF ? "a PDF" : nil
    }

    private static func advice(_ name: String?) -> String {
        let known = [".csv", ".txt", ".ofx", ".qfx", ".sta", ".mt940", ".940", ".xml"]
        let ending = known.first { name?.lowercased().hasSuffix($0) == true }
        return (ending.map { "Its name ends in \($0), but that does not change it. " } ?? "")
            + "In your bank's app or website choose to export the statement as CSV, OFX, MT940 or CAMT; upload that."
    }

    private static func lowered(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte | 32 : byte }
}
