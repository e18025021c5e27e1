/// Takes secrets out of a body before it is kept: the values of members whose names are those of passwords, tokens,
/// keys and BVNs, at any depth, and what follows `Bearer`. Everything else stays byte for byte, also in a body that is
/// no JSON or is cut off.
public enum PayloadMask {
    static let hidden = Array("***".utf8)

    private static let names: Set<[UInt8]> = Set(
        [
            "authorization", "proxyauthorization", "cookie", "setcookie", "pin", "otp", "bvn", "nin", "cvv", "apikey",
            "seckey", "monoseckey", "accesskey", "privatekey", "secretkey", "credential", "credentials", "jwt",
        ].map { Array($0.utf8) })
    /// `access_token`, `clientSecret`, `userPassword` …
    private static let ends = ["token", "secret", "password", "passwd", "passcode"].map { Array($0.utf8) }
    private static let nameBytesMax = 64

    /// The body without its secrets.
    public static func mask(_ body: [UInt8]) -> [UInt8] {
        var masker = Masker(body)
        return masker.run()
    }

    /// Whether a member of this name holds a secret; case, `_` and `-` do not matter.
    static func isSecret(_ name: ArraySlice<UInt8>) -> Bool {
        guard (2...nameBytesMax).contains(name.count) else { return false }
        let plain = name.filter { $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "-") }
            .map { (65...90).contains($0) ? $0 | 32 : $0 }
        return names.contains(plain) || ends.contains { plain.count >= $0.count && plain.suffix($0.count) == $0[...] }
    }

    private struct Masker {
        let body: [UInt8]
        var out: [UInt8] = []
        var index = 0

        init(_ body: [UInt8]) {
            self.body = body
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
                copyText(upTo: min(end + 1, body.count))
                guard isKey(), PayloadMask.isSecret(content) else { continue }
                hideValue()
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
        private func isKey() -> Bool {
            let next = blanks(from: index)
            return next < body.count && body[next] == UInt8(ascii: ":")
        }

        /// Copies the colon and hides a text or a number behind it. What is in an object or a list is looked at by its
        /// own names; of a list, the texts right in it are hidden.
        private mutating func hideValue() {
            let start = blanks(from: blanks(from: index) + 1)
            out += body[index..<min(start, body.count)]
            index = min(start, body.count)
            guard index < body.count else { return }
            switch body[index] {
            case UInt8(ascii: "{"): return
            case UInt8(ascii: "["): hideList()
            default: hideScalar()
            }
        }

        private mutating func hideList() {
            out.append(body[index])
            index = blanks(from: index + 1)
            while index < body.count, body[index] != UInt8(ascii: "]"), body[index] != UInt8(ascii: "{") {
                if body[index] == UInt8(ascii: ",") {
                    out.append(body[index])
                    index = blanks(from: index + 1)
                    continue
                }
                let before = index
                hideScalar()
                index = blanks(from: max(index, before + 1))
            }
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
