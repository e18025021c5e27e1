/// A typed 24-hex identifier, as Okra's wire shows it: 4 bytes of seconds, 5 random bytes of the
/// process, a 3-byte counter. Ids sort by the second they were made in.
public struct ID<Owner>: Hashable, Sendable, CustomStringConvertible, Comparable {
    public let hex: String

    /// Accepts 24 hexadecimal digits of either case; anything else is `nil`, which callers answer
    /// exactly as they answer an unknown id.
    public init?(_ text: String) {
        guard text.utf8.count == 24, text.utf8.allSatisfy(Hex.isDigit) else { return nil }
        hex = text.lowercased()
    }

    /// For text that the database or the generator made; it is not checked again.
    public init(trusted hex: String) { self.hex = hex }

    public var description: String { hex }
    public static func < (left: Self, right: Self) -> Bool { left.hex < right.hex }
}

/// Owners that have no type of their own. They only name an id.
public enum Tenant {}
public enum Project {}
public enum BalanceRow {}
public enum AuthRow {}

/// Hexadecimal text of bytes, and back.
public enum Hex {
    private static let digits = Array("0123456789abcdef".utf8)

    static func isDigit(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (97...102).contains(byte) || (65...70).contains(byte)
    }

    /// Two lower-case digits a byte.
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var out: [UInt8] = []
        for byte in bytes {
            out.append(digits[Int(byte >> 4)])
            out.append(digits[Int(byte & 15)])
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// The bytes of an even number of digits in either case; nil for anything else.
    public static func decode(_ text: String) -> [UInt8]? {
        let source = Array(text.utf8)
        guard source.count % 2 == 0, source.allSatisfy(isDigit) else { return nil }
        func value(_ byte: UInt8) -> UInt8 { byte <= 57 ? byte - 48 : (byte | 32) - 87 }
        return stride(from: 0, to: source.count, by: 2).map { value(source[$0]) << 4 | value(source[$0 + 1]) }
    }
}

/// Makes 24-hex ids. One per process; ids of two processes differ in their five random bytes.
public final class IDGenerator: Sendable {
    private let process: [UInt8]
    private let counter: Counter

    /// - Parameter process: five random bytes.
    public init(process: [UInt8], start: UInt32) {
        self.process = Array(process.prefix(5))
        counter = Counter(start)
    }

    /// The next id: 4 bytes of seconds, 5 of the process and 3 of a counter, so ids sort by the second they were made.
    public func next<Owner>(at now: Instant) -> ID<Owner> {
        let seconds = UInt32(truncatingIfNeeded: now.ms / 1000)
        let count = counter.next()
        var bytes: [UInt8] = []
        for shift in stride(from: 24, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: seconds >> shift)) }
        bytes += process
        for shift in stride(from: 16, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: count >> shift)) }
        return ID(trusted: Hex.encode(bytes))
    }
}
