/// The headers that a customer has sent beside ours.
public struct EndpointHeaders: Sendable {
    public static let countMax = 20
    public static let nameBytesMax = 64
    public static let valueBytesMax = 1024
    public static let bytesMax = 8 * 1024

    /// By name, in lower case.
    public let values: [(name: String, value: String)]

    /// What the sender and the signature own, and what would change how a request is read.
    private static let taken: Set<String> = [
        "accept", "accept-encoding", "authorization", "connection", "content-encoding", "content-length",
        "content-type", "expect", "host", "keep-alive", "te", "traceparent", "tracestate", "trailer",
        "transfer-encoding", "upgrade", "user-agent", "via",
    ]
    private static let takenPrefixes = ["webhook-", "proxy-", "x-kubewa-"]

    /// - Throws: `invalidField` for names that are not tokens or that the sender owns, values that are not visible
    ///   ASCII, and too many or too large ones.
    public init(_ headers: [String: String]) throws(DomainError) {
        guard headers.count <= Self.countMax else {
            throw .invalid("headers", "has \(headers.count) headers. Send at most \(Self.countMax).")
        }
        var values: [(name: String, value: String)] = []
        var bytes = 0
        for (given, value) in headers.sorted(by: { $0.key < $1.key }) {
            let name = given.lowercased()
            try Self.check(name, value)
            guard !values.contains(where: { $0.name == name }) else {
                throw .invalid("headers", "names `\(name)` twice. Names are the same in either case: send one.")
            }
            values.append((name, value))
            bytes += name.utf8.count + value.utf8.count
        }
        guard bytes <= Self.bytesMax else {
            throw .invalid("headers", "has \(bytes) bytes of names and values. Send at most \(Self.bytesMax).")
        }
        self.values = values
    }

    private static func check(_ name: String, _ value: String) throws(DomainError) {
        guard (1...nameBytesMax).contains(name.utf8.count), name.utf8.allSatisfy(isToken) else {
            throw .invalid(
                "headers",
                "has a name that is no header's. Use letters, digits and hyphens, at most \(nameBytesMax) of them.")
        }
        guard !taken.contains(name), !takenPrefixes.contains(where: name.hasPrefix) else {
            let instead = name == "authorization" ? "Send a bearer token as `token`." : "Choose another name."
            throw .invalid("headers", "names `\(name)`, which the sender sets itself. \(instead)")
        }
        guard value.utf8.count <= valueBytesMax, value.utf8.allSatisfy({ (0x20...0x7e).contains($0) }),
            value.first != " ", value.last != " "
        else {
            throw .invalid(
                "headers",
                "has a value of `\(name)` that cannot be sent. Use at most \(valueBytesMax) visible ASCII characters.")
        }
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 97...122: true
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
        default: false
        }
    }

    /// From `json`.
    public init(json: [UInt8]) throws {
        let members = try JSONValue(parsing: json).members ?? [:]
        var values: [(name: String, value: String)] = []
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            if case .string(let text) = value { values.append((name, text)) }
        }
        self.values = values
    }

    /// To be sealed.
    public var json: [UInt8] {
        var writer = JSONWriter(capacity: 256)
        writer.object { out in
            for (name, value) in values {
                out.key(name)
                out.string(value)
            }
        }
        return writer.bytes
    }
}
