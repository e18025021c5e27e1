/// Takes out of a text what must not be read in a log: known secrets in the ways in which programs repeat them, what
/// stands behind names such as `password=`, long runs of digits (account numbers, BVNs, codes) and what looks like a
/// token.
public struct SecretMask: Sendable {
    public static let hidden = "[hidden]"
    /// A shorter secret would take ordinary words along.
    private static let secretBytesMin = 3
    private static let digitsMin = 4
    private static let tokenBytesMin = 20
    private static let names = [
        "password", "passwd", "passcode", "pwd", "pin", "otp", "token", "secret", "authorization", "bearer", "bvn",
        "nin", "api_key", "apikey", "api-key", "answer", "credentials",
    ].map { Array($0.utf8) }

    /// The longest first, since one may stand in another.
    private let secrets: [[UInt8]]

    public init(_ secrets: some Sequence<String> = []) {
        var forms: Set<[UInt8]> = []
        for secret in secrets where secret.utf8.count >= Self.secretBytesMin {
            let bytes = Array(secret.utf8)
            var writer = JSONWriter()
            writer.string(secret)
            forms.formUnion([
                bytes, Array(writer.bytes.dropFirst().dropLast()), Self.percent(bytes), Self.escaped(secret),
                Base64.bytes(bytes),
            ])
        }
        self.secrets = forms.sorted {
            $0.count == $1.count ? $0.lexicographicallyPrecedes($1) : $0.count > $1.count
        }
    }

    /// The text on one line, without secrets.
    public func mask(_ text: String) -> String { Self.line(Self.hideRuns(Self.hideNamed(hideKnown(text)))) }

    /// The text on one line, without those secrets that were told: for a text that is written for people.
    public func maskKnown(_ text: String) -> String { Self.line(hideKnown(text)) }

    private func hideKnown(_ text: String) -> [UInt8] {
        secrets.reduce(Array(text.utf8)) { Self.replace($1, in: $0) }
    }

    private static func line(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }, as: UTF8.self)
    }

    private static let hiddenBytes = Array(hidden.utf8)

    private static func replace(_ secret: [UInt8], in bytes: [UInt8]) -> [UInt8] {
        guard let first = secret.first, bytes.count >= secret.count else { return bytes }
        var out: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == first, bytes[index...].starts(with: secret) {
                out += hiddenBytes
                index += secret.count
            } else {
                out.append(bytes[index])
                index += 1
            }
        }
        return out
    }

    /// `password: "…"`, `token=…`, `Bearer …`.
    private static func hideNamed(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        var index = 0
        while index < bytes.count {
            guard let start = value(at: index, bytes) else {
                out.append(bytes[index])
                index += 1
                continue
            }
            out += bytes[index..<start]
            out += hiddenBytes
            index = start
            while index < bytes.count, !" \"',;&)}]".utf8.contains(bytes[index]) { index += 1 }
        }
        return out
    }

    /// Where the value begins when a name of a secret begins at this place.
    private static func value(at index: Int, _ bytes: [UInt8]) -> Int? {
        guard index == 0 || !isLetter(bytes[index - 1]) else { return nil }
        let rest = bytes[index...]
        guard
            let name = names.first(where: { name in
                rest.count > name.count && zip(rest, name).allSatisfy { $0 == $1 || $0 | 32 == $1 && isLetter($0) }
            })
        else { return nil }
        var next = index + name.count
        var isNamed = name.elementsEqual("bearer".utf8) && bytes[next] == UInt8(ascii: " ")
        while next < bytes.count, " \"'=:".utf8.contains(bytes[next]) {
            if "=:".utf8.contains(bytes[next]) { isNamed = true }
            next += 1
        }
        guard isNamed, next < bytes.count, !bytes[next...].starts(with: hiddenBytes) else { return nil }
        // "Authorization: Bearer …": the scheme is no secret, what follows is, and `bearer` finds it.
        return bytes[next...].prefix(7).map { $0 | 32 }.elementsEqual("bearer ".utf8) ? nil : next
    }

    /// Runs of digits, also when grouped, and long words of letters and digits.
    private static func hideRuns(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let word = bytes[index...].prefix { isLetter($0) || isDigit($0) || "+_=-".utf8.contains($0) }
            let digits = word.prefix { isDigit($0) || $0 == UInt8(ascii: "-") }
            if word.count >= tokenBytesMin, word.contains(where: isDigit), word.contains(where: isLetter) {
                out += hiddenBytes
                index += word.count
            } else if digits.first.map(isDigit) == true {
                out += digits.count(where: isDigit) >= digitsMin ? hiddenBytes : Array(digits)
                index += digits.count
            } else {
                // Up to the word's next digit, so that digits behind letters are seen too.
                let plain = word.prefix { !isDigit($0) }
                out += plain.isEmpty ? [bytes[index]] : Array(plain)
                index += max(1, plain.count)
            }
        }
        return out
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (97...122).contains(byte | 32) }
    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }

    private static func percent(_ bytes: [UInt8]) -> [UInt8] {
        bytes.flatMap { byte -> [UInt8] in
            isLetter(byte) || isDigit(byte) || "-._~".utf8.contains(byte)
                ? [byte] : [UInt8(ascii: "%")] + Array(Hex.encode([byte]).uppercased().utf8)
        }
    }

    /// As languages print what is not ASCII: `\u00e4`.
    private static func escaped(_ text: String) -> [UInt8] {
        text.utf16.flatMap { unit -> [UInt8] in
            unit < 0x80 ? [UInt8(unit)] : Array("\\u\(Hex.encode([UInt8(unit >> 8), UInt8(unit & 255)]))".utf8)
        }
    }
}

/// The standard alphabet, as programs put secrets into headers.
private enum Base64 {
    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Without the padding, which need not be there.
    static func bytes(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let number = (0..<3).reduce(0) { $0 << 8 | ($1 < group.count ? Int(group[start + $1]) : 0) }
            for place in 0...group.count { out.append(letters[number >> (18 - 6 * place) & 63]) }
        }
        return out
    }
}
