import FoundationEssentials

/// Certificates as PEM, looked at as far as is needed to tell a paste that went wrong from one to hand to TLS.
enum AuthorityText {
    static let bytesMax = 64 * 1024
    static let countMax = 20

    /// - Throws: `invalidField` of `authorities` unless the text is 1 to 20 whole certificates and nothing else.
    static func check(_ pem: String) throws(DomainError) {
        guard pem.utf8.count <= bytesMax else {
            throw .invalid("authorities", "has \(pem.utf8.count) bytes. Send at most \(bytesMax).")
        }
        var lines: [Substring]?
        var count = 0
        for line in pem.split(whereSeparator: \.isNewline) {
            let line = trimmed(line)
            if line.isEmpty { continue }
            if line.hasPrefix("-----BEGIN ") {
                try checkLabel(line)
                guard lines == nil else { throw broken }
                lines = []
            } else if line == "-----END CERTIFICATE-----" {
                guard let body = lines, isCertificate(body) else { throw broken }
                lines = nil
                count += 1
            } else {
                guard lines != nil else { throw broken }
                lines?.append(line)
            }
        }
        guard lines == nil, count > 0 else { throw broken }
        guard count <= countMax else {
            throw .invalid("authorities", "has \(count) certificates. Send at most \(countMax).")
        }
    }

    private static var broken: DomainError {
        .invalid(
            "authorities",
            "must be certificates in PEM: lines from `-----BEGIN CERTIFICATE-----` to `-----END CERTIFICATE-----`.")
    }

    private static func checkLabel(_ line: Substring) throws(DomainError) {
        guard line != "-----BEGIN CERTIFICATE-----" else { return }
        guard !line.contains("PRIVATE KEY") else {
            throw .invalid(
                "authorities", "holds a private key, which nobody but its owner may have. Send certificates only.")
        }
        throw broken
    }

    private static func trimmed(_ line: Substring) -> Substring {
        var line = line.drop { $0.isWhitespace }
        while line.last?.isWhitespace == true { line.removeLast() }
        return line
    }

    /// DER: a sequence that is as long as it says and holds a sequence first.
    private static func isCertificate(_ lines: [Substring]) -> Bool {
        guard let data = Data(base64Encoded: lines.joined()) else { return false }
        let bytes = [UInt8](data)
        guard bytes.count > 64, bytes[0] == 0x30, bytes[1] == 0x82 else { return false }
        return Int(bytes[2]) << 8 | Int(bytes[3]) == bytes.count - 4 && bytes[4] == 0x30
    }
}
