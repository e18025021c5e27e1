/// Encodings of one byte a character that a file may be in. The first half of each is ASCII.
enum StatementCharset: Sendable {
    case windows1252, latin9, latin2, windows1250

    /// By the name in an XML declaration, in small letters; nil for those that are not known, and for UTF-8 and ASCII.
    init?(_ name: some StringProtocol) {
        switch name {
        case "iso-8859-1", "latin1", "latin-1", "windows-1252", "cp1252": self = .windows1252
        case "iso-8859-15", "latin9", "latin-9": self = .latin9
        case "iso-8859-2", "latin2", "latin-2": self = .latin2
        case "windows-1250", "cp1250": self = .windows1250
        default: return nil
        }
    }

    /// The character of a byte; U+FFFD where the encoding has none.
    func scalar(_ byte: UInt8) -> Unicode.Scalar {
        guard byte >= 0x80 else { return Unicode.Scalar(byte) }
        switch self {
        case .windows1252: return byte < 0xA0 ? Self.upper1252[Int(byte) - 0x80] : Unicode.Scalar(byte)
        case .latin9: return Self.apart9[byte] ?? StatementCharset.windows1252.scalar(byte)
        case .latin2:
            // What a file says is Latin-2 and has characters there is Windows-1250.
            return byte < 0xA0 ? Self.upper1250[Int(byte) - 0x80] : Self.upperLatin2[Int(byte) - 0xA0]
        case .windows1250: return Self.upper1250[Int(byte) - 0x80]
        }
    }

    /// 0x80 to 0x9F; beyond it is Latin-1.
    private static let upper1252: [Unicode.Scalar] = Array(
        "€\u{FFFD}‚ƒ„…†‡ˆ‰Š‹Œ\u{FFFD}Ž\u{FFFD}\u{FFFD}‘’“”•–—˜™š›œ\u{FFFD}žŸ".unicodeScalars)

    /// Where it differs from Latin-1.
    private static let apart9: [UInt8: Unicode.Scalar] = [
        0xA4: "€", 0xA6: "Š", 0xA8: "š", 0xB4: "Ž", 0xB8: "ž", 0xBC: "Œ", 0xBD: "œ", 0xBE: "Ÿ",
    ]

    /// 0xA0 to 0xFF.
    private static let upperLatin2: [Unicode.Scalar] = Array(
        ("\u{A0}Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\u{AD}ŽŻ°ą˛ł´ľśˇ¸šşťź˝žż" + upperLetters).unicodeScalars)

    /// 0x80 to 0xFF.
    private static let upper1250: [Unicode.Scalar] = Array(
        ("€\u{FFFD}‚\u{FFFD}„…†‡\u{FFFD}‰Š‹ŚŤŽŹ\u{FFFD}‘’“”•–—\u{FFFD}™š›śťžź"
            + "\u{A0}ˇ˘Ł¤Ą¦§¨©Ş«¬\u{AD}®Ż°±˛ł´µ¶·¸ąş»Ľ˝ľż" + upperLetters).unicodeScalars)

    /// 0xC0 to 0xFF of both.
    private static let upperLetters = "ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙"
}
