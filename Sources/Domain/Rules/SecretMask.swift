/// Takes out of a text what must not be read in a log: known secrets in the ways in which programs repeat them, what
/// stands behind names such as `password=`, long runs of digits (account numbers, BVNs, codes) and what looks like a
/// token.
public struct SecretMask: Sendable {
    public static let hidden = "[hidden]"
    /// A shorter secret would take ordinary words along.
    static let secretBytesMin = 3
    private static let digitsMin = 4
    private static let tokenBytesMin = 20
    private static let names = [
        "password", "passwd", "passcode", "pwd", "pin", "otp", "token", "secret", "authorization", "bearer", "bvn",
        "nin", "api_key", "apikey", "api-key", "answer", "credentials",
    ].map { Array($0.utf8) }

    /// By their first bytes, so that a text is read once however many secrets there are.
    private var forms: [UInt32: Set<[UInt8]>] = [:]

    public init(_ secrets: some Sequence<String> = []) {
        for secret in secrets { add(secret) }
    }

    /// One more secret to hide; what is shorter than three bytes is none.
    public mutating func add(_ secret: String) {
        guard secret.utf8.count >= Self.secretBytesMin else { return }
        let bytes = Array(secret.utf8)
        var writer = JSONWriter()
        writer.string(secret)
        let written = [
            bytes, Array(writer.bytes.dropFirst().dropLast()), Self.percent(bytes), Self.escaped(secret),
            Base64.bytes(bytes),
        ]
        for form in written { forms[Self.start(of: form, at: 0), default: []].insert(form) }
    }

    private static func start(of bytes: [UInt8], at index: Int) -> UInt32 {
        bytes[index..<(index + secretBytesMin)].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The text on one line, without secrets.
    public func mask(_ text: String) -> String { Self.line(Self.hideRuns(Self.hideNamed(hideKnown(Array(text.utf8))))) }

    /// For a text that was written for people and is kept and shown: on one line, without those secrets that were told,
    /// and without numbers as long as those of accounts, BVNs, phones and cards, also in groups: `221 2345 6789`.
    public func maskTold(_ text: String) -> String { Self.line(Self.hideLongNumbers(hideKnown(Array(text.utf8)))) }

    private static let longDigits = 10
    private static let groupDigitsMin = 3

    static func hideLongNumbers(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        var index = 0
        while index < bytes.count {
            guard isDigit(bytes[index]) else {
                out.append(bytes[index])
                index += 1
                continue
            }
            let run = bytes[index...].prefix(while: isDigit)
            var (end, digits, groupDigits) = (run.endIndex, run.count, run.count)
            // One space or dash between groups that are too long for a date's or a time's.
            while groupDigits >= groupDigitsMin, end + 1 < bytes.count, " -".utf8.contains(bytes[end]) {
                let group = bytes[(end + 1)...].prefix(while: isDigit)
                guard group.count >= groupDigitsMin else { break }
                (end, digits, groupDigits) = (group.endIndex, digits + group.count, group.count)
            }
            if digits >= longDigits {
                out += hiddenBytes
            } else {
                out += run
                end = run.endIndex
            }
            index = end
        }
        return out
    }

    /// Every byte that is of a secret is hidden, also where one stands in another or begins in it.
    func hideKnown(_ bytes: [UInt8]) -> [UInt8] {
        guard !forms.isEmpty else { return bytes }
        var out: [UInt8] = []
        var (secretEnd, isHiding) = (0, false)
        for index in bytes.indices {
            secretEnd = max(secretEnd, end(ofSecretAt: index, bytes))
            if secretEnd <= index { out.append(bytes[index]) } else if !isHiding { out += Self.hiddenBytes }
            isHiding = secretEnd > index
        }
        return out
    }

    /// Whether one of them is in the bytes.
    func finds(in bytes: [UInt8]) -> Bool {
        !forms.isEmpty && bytes.indices.contains { end(ofSecretAt: $0, bytes) > 0 }
    }

    /// 0 where none begins.
    private func end(ofSecretAt index: Int, _ bytes: [UInt8]) -> Int {
        guard index + Self.secretBytesMin <= bytes.count, let found = forms[Self.start(of: bytes, at: index)] else {
            return 0
        }
        return found.reduce(0) { bytes[index...].starts(with: $1) ? max($0, index + $1.count) : $0 }
    }

    private static func line(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }, as: UTF8.self)
    }

    private static let hiddenBytes = Array(hidden.utf8)

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
