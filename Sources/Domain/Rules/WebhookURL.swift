/// An http or https URL taken apart strictly: what it does not understand it refuses, so that the sender
/// and the check of a setting can never read one text in two ways.
public struct WebhookURL: Hashable, Sendable {
    public let isSecure: Bool
    /// Lower case; without brackets when it is an IPv6 address.
    public let host: String
    public let port: Int
    /// Path and query, at least `/`.
    public let target: String
    /// Set when the host is an address in any spelling, decimal, octal and hexadecimal ones included.
    public let address: IPAddress?

    public static let lengthMax = 2048

    /// - Throws: `.invalidURL` for other schemes, user info, blanks, control characters, names that are not
    ///   plain ASCII, and ports out of range.
    public init(_ text: String) throws(HTTPTransportError) {
        let bytes = text.utf8
        guard bytes.count <= WebhookURL.lengthMax, bytes.allSatisfy({ (0x21...0x7e).contains($0) && $0 != 0x5c }) else {
            throw .invalidURL
        }
        guard let mark = text.firstRange(of: "://") else { throw .invalidURL }
        switch text[..<mark.lowerBound].lowercased() {
        case "http": isSecure = false
        case "https": isSecure = true
        default: throw .invalidURL
        }
        let rest = text[mark.upperBound...]
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        let (name, number) = try WebhookURL.authority(rest[..<end])
        port = number ?? (isSecure ? 443 : 80)
        host = name.text
        address = name.address
        let path = rest[end...].prefix { $0 != "#" }
        target = path.first == "/" ? String(path) : "/" + path
    }

    /// As the Host header has it: brackets around IPv6, the port only when it is not the scheme's own.
    public var hostHeader: String {
        let name = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    private typealias Name = (text: String, address: IPAddress?)

    private static func authority(_ text: Substring) throws(HTTPTransportError) -> (Name, Int?) {
        if text.first == "[" {
            guard let close = text.firstIndex(of: "]") else { throw .invalidURL }
            let inside = text[text.index(after: text.startIndex)..<close].lowercased()
            guard inside.utf8.contains(UInt8(ascii: ":")), let address = IPAddress(inside) else { throw .invalidURL }
            let rest = text[text.index(after: close)...]
            guard rest.isEmpty || rest.first == ":" else { throw .invalidURL }
            return ((inside, address), try port(rest.dropFirst()))
        }
        let colon = text.firstIndex(of: ":") ?? text.endIndex
        return (try name(text[..<colon].lowercased()), try port(text[colon...].dropFirst()))
    }

    private static func port(_ text: Substring) throws(HTTPTransportError) -> Int? {
        if text.isEmpty { return nil }
        guard text.utf8.count <= 5, text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text),
            (1...65_535).contains(number)
        else { throw .invalidURL }
        return number
    }

    private static func name(_ text: String) throws(HTTPTransportError) -> Name {
        let dotless = text.hasSuffix(".") ? String(text.dropLast()) : text
        let labels = dotless.split(separator: ".", omittingEmptySubsequences: false)
        guard !dotless.isEmpty, dotless.utf8.count <= 253, labels.allSatisfy(isLabel) else { throw .invalidURL }
        // A host whose last label is a number is an address or nothing: no resolver may get another idea.
        guard let last = labels.last, isNumeric(last) else { return (dotless, nil) }
        guard let address = IPAddress(looseV4: dotless) else { throw .invalidURL }
        return (address.description, address)
    }

    private static func isLabel(_ label: Substring) -> Bool {
        (1...63).contains(label.utf8.count)
            && label.utf8.allSatisfy {
                (97...122).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
            }
    }

    private static func isNumeric(_ label: Substring) -> Bool {
        if label.utf8.allSatisfy({ (48...57).contains($0) }) { return true }
        return label.hasPrefix("0x") && label.dropFirst(2).utf8.allSatisfy(Hex.isDigit)
    }
}
