/// A place in a trace, as the header `traceparent` of W3C Trace Context (version 00) writes it.
public struct TraceParent: Sendable, Hashable {
    /// 32 digits, hexadecimal.
    public let traceID: String
    /// 16 digits, hexadecimal: who asks.
    public let parentID: String

    /// Reads a caller's header; nil for what is none, whose trace is not known then. A later version is read as far as
    /// this one knows it.
    public init?(header: String) {
        let parts = header.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 4, Self.isHex(parts[0], 2), parts[0] != "ff", parts[0] != "00" || parts.count == 4,
            Self.isHex(parts[1], 32), Self.isHex(parts[2], 16), Self.isHex(parts[3], 2),
            parts[1].contains(where: { $0 != "0" }), parts[2].contains(where: { $0 != "0" })
        else { return nil }
        (traceID, parentID) = (String(parts[1]), String(parts[2]))
    }

    /// An attempt to deliver an event: all attempts of one event, to whichever endpoint, are one trace.
    /// - Parameter installation: 16 digits that no other installation has, hexadecimal.
    public init(installation: String, event: Int64, delivery: Int64, attempt: Int64) {
        traceID = installation + Hex.encode(Self.bytes(UInt64(bitPattern: event)))
        // Zero is no place.
        parentID = Hex.encode(Self.bytes(max(1, UInt64(bitPattern: delivery) &* 64 &+ UInt64(attempt & 63))))
    }

    /// What is sent: it says that the attempt is recorded, as it is in the log of attempts.
    public var header: String { "00-\(traceID)-\(parentID)-01" }

    private static func isHex(_ text: Substring, _ count: Int) -> Bool {
        text.utf8.count == count && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    private static func bytes(_ number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) }
    }
}
