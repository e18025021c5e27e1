/// A moment, in milliseconds since 1970-01-01 UTC.
public struct Instant: Hashable, Sendable, Comparable {
    public let ms: Int64
    public init(ms: Int64) { self.ms = ms }

    public static func < (left: Self, right: Self) -> Bool { left.ms < right.ms }
    /// The instant so many milliseconds later.
    public static func + (left: Self, milliseconds: Int64) -> Self { Self(ms: left.ms + milliseconds) }
    /// Milliseconds from the right instant to the left one.
    public static func - (left: Self, right: Self) -> Int64 { left.ms - right.ms }

    /// `2023-06-05T17:12:59.729Z`
    public var iso: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(24)
        appendISO(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The bytes of `iso`, without a text between: lists write several a row.
    func appendISO(to bytes: inout [UInt8]) {
        let (day, rest) = floorDivide(ms, Instant.dayMs)
        let (year, month, date) = LocalDate(dayNumber: Int(day)).civil
        let seconds = Int(rest / 1000)
        appendDigits(year, 4, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        appendDigits(month, 2, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        appendDigits(date, 2, to: &bytes)
        bytes.append(UInt8(ascii: "T"))
        appendDigits(seconds / 3600, 2, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        appendDigits(seconds / 60 % 60, 2, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        appendDigits(seconds % 60, 2, to: &bytes)
        bytes.append(UInt8(ascii: "."))
        appendDigits(Int(rest % 1000), 3, to: &bytes)
        bytes.append(UInt8(ascii: "Z"))
    }

    /// Reads the form that `iso` writes. The fraction may be absent or of any length; the offset may be
    /// `Z`, `+01:00`, `+0100`, or absent (UTC is taken).
    public init?(iso text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 19, bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: " "),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            let date = LocalDate(String(decoding: bytes[0..<10], as: UTF8.self)),
            let hour = digits(bytes, 11, 2), let minute = digits(bytes, 14, 2), let second = digits(bytes, 17, 2),
            hour < 24, minute < 60, second < 61
        else { return nil }
        var end = 19
        var millis = 0
        if end < bytes.count, bytes[end] == UInt8(ascii: ".") {
            let fraction = bytes[20...].prefix { (48...57).contains($0) }
            guard !fraction.isEmpty else { return nil }
            millis = (0..<3).reduce(0) { $0 * 10 + ($1 < fraction.count ? Int(fraction[20 + $1] - 48) : 0) }
            end += 1 + fraction.count
        }
        guard let offsetMinutes = Instant.offset(bytes[end...]) else { return nil }
        let time = Int64((hour * 60 + minute) * 60 + second) * 1000 + Int64(millis)
        self.init(ms: Int64(date.dayNumber) * Instant.dayMs + time - Int64(offsetMinutes) * 60_000)
    }

    private static func offset(_ text: ArraySlice<UInt8>) -> Int? {
        guard let sign = text.first else { return 0 }
        if sign == UInt8(ascii: "Z") { return text.count == 1 ? 0 : nil }
        let rest = text.dropFirst().filter { $0 != UInt8(ascii: ":") }
        let isShaped = text.count == 5 || text.count == 6 && text[text.startIndex + 3] == UInt8(ascii: ":")
        guard isShaped, rest.count == 4, let hours = digits(rest, 0, 2), let minutes = digits(rest, 2, 2),
            hours < 24, minutes < 60
        else { return nil }
        switch sign {
        case UInt8(ascii: "+"): return hours * 60 + minutes
        case UInt8(ascii: "-"): return -(hours * 60 + minutes)
        default: return nil
        }
    }

    public static let dayMs: Int64 = 86_400_000

    /// The calendar day of this moment at a fixed offset from UTC (Africa/Lagos is +60 all year).
    public func day(offsetMinutes: Int = LocalDate.lagosOffsetMinutes) -> LocalDate {
        LocalDate(dayNumber: Int(floorDivide(ms + Int64(offsetMinutes) * 60_000, Instant.dayMs).0))
    }
}

func floorDivide(_ value: Int64, _ by: Int64) -> (Int64, Int64) {
    let (quotient, rest) = value.quotientAndRemainder(dividingBy: by)
    return rest < 0 ? (quotient - 1, rest + by) : (quotient, rest)
}

func pad(_ value: some BinaryInteger, _ width: Int) -> String {
    let text = String(value)
    return text.count >= width ? text : String(repeating: "0", count: width - text.count) + text
}

func digits(_ bytes: [UInt8], _ start: Int, _ count: Int) -> Int? {
    guard start + count <= bytes.count else { return nil }
    var value = 0
    for byte in bytes[start..<start + count] {
        guard (48...57).contains(byte) else { return nil }
        value = value * 10 + Int(byte - 48)
    }
    return value
}

/// At least `width` digits of a number that is not negative, the last four of them at most.
private func appendDigits(_ value: Int, _ width: Int, to bytes: inout [UInt8]) {
    if width >= 4 { bytes.append(UInt8(48 + value / 1000 % 10)) }
    if width >= 3 { bytes.append(UInt8(48 + value / 100 % 10)) }
    bytes.append(UInt8(48 + value / 10 % 10))
    bytes.append(UInt8(48 + value % 10))
}
