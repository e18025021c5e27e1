/// Takes secrets out of a body before it is kept: the values of members whose names are those of passwords, tokens,
/// keys and BVNs, at any depth and with all that they hold, also in JSON that is written as a text, and what follows
/// `Bearer`. Everything else stays byte for byte, also in a body that is no JSON or is cut off.
public enum PayloadMask {
    static let hidden = Array("***".utf8)

    /// A name that has one of them among its words is a secret's: `bvn`, `customerBvn`, `otp_code`, `tokens`.
    private static let words = set([
        "authorization", "cookie", "pin", "otp", "bvn", "nin", "cvv", "cvc", "credential", "jwt", "token", "secret",
        "password", "passwd", "pwd", "passcode", "passphrase",
    ])
    /// Two words that are one name, as `api_key`.
    private static let pairs = set(["apikey", "seckey", "accesskey", "privatekey", "secretkey", "signingkey"])
    /// Words that are also known where names have no capitals: `accesstoken`, `customerbvn`.
    private static let ends = ["token", "secret", "password", "passwd", "passcode", "bvn", "apikey"]
        .map { Array($0.utf8) }
    /// What is told of a secret and is none: `bvn_status`, `token_type`, `tokenExpiresAt`.
    private static let harmless = set([
        "status", "type", "verified", "required", "expired", "expires", "expiry", "in", "at", "length", "count",
        "valid",
    ])
    private static let nameBytesMax = 64
    /// JSON in a text in JSON in a text.
    private static let textsInTextsMax = 3

    private static func set(_ words: [String]) -> Set<[UInt8]> { Set(words.map { Array($0.utf8) }) }

    /// The body without its secrets.
    public static func mask(_ body: [UInt8]) -> [UInt8] {
        var masker = Masker(body, textsInTexts: 0)
        return masker.run()
    }

    /// Whether a member of this name holds a secret; case, `_` and `-` only part its words.
    static func isSecret(_ name: ArraySlice<UInt8>) -> Bool {
        guard (2...nameBytesMax).contains(name.count) else { return false }
        let parts = parts(of: name)
        guard let last = parts.last else { return false }
        if isWord(last) || pairs.contains(Array(parts.suffix(2).joined())) { return true }
        let plain = Array(parts.joined())
        if ends.contains(where: { plain.count >= $0.count && plain.suffix($0.count) == $0[...] }) { return true }
        guard !harmless.contains(last) else { return false }
        return parts.contains(where: isWord) || zip(parts, parts.dropFirst()).contains { pairs.contains($0 + $1) }
    }

    private static func isWord(_ part: [UInt8]) -> Bool {
        words.contains(part) || part.last == UInt8(ascii: "s") && words.contains(Array(part.dropLast()))
    }

    /// Its words in small letters: `userBVNCode` is `user`, `bvn`, `code`.
    private static func parts(of name: ArraySlice<UInt8>) -> [[UInt8]] {
        var parts: [[UInt8]] = [[]]
        let bytes = Array(name)
        for (place, byte) in bytes.enumerated() {
            guard (97...122).contains(byte | 32) else {
                parts.append([])
                continue
            }
            let isCapital = byte & 32 == 0
            let followsSmall = place > 0 && isSmall(bytes[place - 1])
            let leadsSmall = place + 1 < bytes.count && isSmall(bytes[place + 1])
            if isCapital, followsSmall || leadsSmall { parts.append([]) }
            parts[parts.count - 1].append(byte | 32)
        }
        return parts.filter { !$0.isEmpty }
    }

    private static func isSmall(_ byte: UInt8) -> Bool { (97...122).contains(byte) }

    private struct Masker {
        let body: [UInt8]
        let textsInTexts: Int
        var out: [UInt8] = []
        var index = 0

        init(_ body: [UInt8], textsInTexts: Int) {
            self.body = body
            self.textsInTexts = textsInTexts
            out.reserveCapacity(body.count)
        }

        mutating func run() -> [UInt8] {
            while index < body.count {
                guard body[index] == UInt8(ascii: "\"") else {
                    copyPlain()
                    continue
                }
                let end = stringEnd(from: index)
                let content = body[(index + 1)..<max(index + 1, end)]
                let next = min(end + 1, body.count)
                guard isKey(before: next) else {
                    if !hideInText(content, upTo: next) { copyText(upTo: next) }
                    continue
                }
                copyText(upTo: next)
                if PayloadMask.isSecret(content) { hideValue() }
            }
            return out
        }

        /// Outside of texts: what stands there up to the next text.
        private mutating func copyPlain() {
            let end = body[index...].firstIndex(of: UInt8(ascii: "\"")) ?? body.count
            copyText(upTo: end)
        }

        /// The place of the closing quote; the body's end when it is cut off.
        private func stringEnd(from start: Int) -> Int {
            var place = start + 1
            while place < body.count, body[place] != UInt8(ascii: "\"") {
                place += body[place] == UInt8(ascii: "\\") ? 2 : 1
            }
            return min(place, body.count)
        }

        private func blanks(from start: Int) -> Int {
            var place = start
            while place < body.count, body[place] <= 0x20 { place += 1 }
            return place
        }

        /// Whether a colon follows, which makes the text before it a member's name.
        private func isKey(before place: Int) -> Bool {
            let next = blanks(from: place)
            return next < body.count && body[next] == UInt8(ascii: ":")
        }

        /// Copies the colon and hides what is behind it, with everything that an object or a list there holds.
        private mutating func hideValue() {
            let start = blanks(from: blanks(from: index) + 1)
            out += body[index..<min(start, body.count)]
            index = min(start, body.count)
            var depth = 0
            while index < body.count {
                switch body[index] {
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
                case UInt8(ascii: ","), UInt8(ascii: ":"), ...0x20: break
                case UInt8(ascii: "\"") where depth > 0 && isKey(before: min(stringEnd(from: index) + 1, body.count)):
                    let end = min(stringEnd(from: index) + 1, body.count)
                    out += body[index..<end]
                    index = end
                    continue
                default:
                    hideScalar()
                    if depth <= 0 { return }
                    continue
                }
                if depth < 0 || depth == 0 && body[index] == UInt8(ascii: ",") { return }
                out.append(body[index])
                index += 1
                if depth == 0, "}]".utf8.contains(body[index - 1]) { return }
            }
        }

        /// A text that holds JSON: it is written again when something in it was hidden.
        private mutating func hideInText(_ content: ArraySlice<UInt8>, upTo next: Int) -> Bool {
            guard textsInTexts < PayloadMask.textsInTextsMax, JSONText.holdsTexts(content) else { return false }
            let plain = JSONText.plain(content)
            var inner = Masker(plain, textsInTexts: textsInTexts + 1)
            let masked = inner.run()
            guard masked != plain else { return false }
            out.append(UInt8(ascii: "\""))
            out += JSONText.escaped(masked)
            if content.endIndex < next { out.append(UInt8(ascii: "\"")) }
            index = next
            return true
        }

        private mutating func hideScalar() {
            if body[index] == UInt8(ascii: "\"") {
                index = min(stringEnd(from: index) + 1, body.count)
            } else {
                let end = body[index...].firstIndex { ",}] \n\r\t".utf8.contains($0) } ?? body.count
                let word = body[index..<end]
                if word.elementsEqual("null".utf8) || word.elementsEqual("true".utf8)
                    || word.elementsEqual("false".utf8)
                {
                    out += word
                    index = end
                    return
                }
                index = end
            }
            out.append(UInt8(ascii: "\""))
            out += PayloadMask.hidden
            out.append(UInt8(ascii: "\""))
        }

        /// Copies, and hides the word behind `Bearer`.
        private mutating func copyText(upTo end: Int) {
            while index < end {
                let next = body[index..<end].firstIndex { $0 | 32 == UInt8(ascii: "b") } ?? end
                out += body[index..<next]
                index = next
                guard index < end else { return }
                let word = body[index..<min(index + 7, end)]
                guard word.count == 7, word.map({ $0 | 32 }).elementsEqual("bearer ".utf8) else {
                    out.append(body[index])
                    index += 1
                    continue
                }
                out += word
                index += 7
                let stop = body[index..<end].firstIndex { " \"'<>,;\\\n\r".utf8.contains($0) } ?? end
                if stop > index { out += PayloadMask.hidden }
                index = stop
            }
        }
    }
}

/// What stands between the quotes of a text in JSON; also of one that is cut off.
private enum JSONText {
    /// Whether there are quotes in it, as JSON has them.
    static func holdsTexts(_ content: ArraySlice<UInt8>) -> Bool {
        zip(content, content.dropFirst()).contains { $0 == UInt8(ascii: "\\") && $1 == UInt8(ascii: "\"") }
    }

    static func plain(_ content: ArraySlice<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        var rest = content
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let escape = rest.popFirst() else {
                out.append(byte)
                continue
            }
            switch escape {
            case UInt8(ascii: "n"): out.append(0x0A)
            case UInt8(ascii: "r"): out.append(0x0D)
            case UInt8(ascii: "t"): out.append(0x09)
            case UInt8(ascii: "u"):
                var units = [unit(&rest)]
                if UTF16.isLeadSurrogate(units[0]), rest.starts(with: Array("\\u".utf8)) {
                    rest = rest.dropFirst(2)
                    units.append(unit(&rest))
                }
                out += Array(String(decoding: units, as: UTF16.self).utf8)
            default: out.append(escape)
            }
        }
        return out
    }

    private static func unit(_ rest: inout ArraySlice<UInt8>) -> UInt16 {
        let digits = String(decoding: rest.prefix(4), as: UTF8.self)
        rest = rest.dropFirst(4)
        return UInt16(digits, radix: 16) ?? 0xFFFD
    }

    static func escaped(_ plain: [UInt8]) -> [UInt8] {
        plain.flatMap { byte -> [UInt8] in
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): [UInt8(ascii: "\\"), byte]
            case ..<0x20: Array("\\u00\(Hex.encode([byte]))".utf8)
            default: [byte]
            }
        }
    }
}
