/// A calendar day without a zone, `2023-06-05`. Days count from 1970-01-01.
public struct LocalDate: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let dayNumber: Int

    public static let lagosOffsetMinutes = 60

    public init(dayNumber: Int) { self.dayNumber = dayNumber }

    public init?(year: Int, month: Int, day: Int) {
        guard (1...12).contains(month), (1...LocalDate.days(in: month, year)).contains(day), (1...9999).contains(year)
        else { return nil }
        dayNumber = LocalDate.number(year, month, day)
    }

    /// Reads `YYYY-MM-DD` and, as older Okra documents have it, `YYYY/MM/DD`.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 10, bytes[4] == bytes[7], [UInt8(ascii: "-"), UInt8(ascii: "/")].contains(bytes[4]),
            let year = digits(bytes, 0, 4), let month = digits(bytes, 5, 2), let day = digits(bytes, 8, 2)
        else { return nil }
        self.init(year: year, month: month, day: day)
    }

    public var iso: String {
        let (year, month, day) = civil
        return "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))"
    }
    public var description: String { iso }

    public static func < (left: Self, right: Self) -> Bool { left.dayNumber < right.dayNumber }
    /// The day so many days later; earlier when `days` is negative.
    public func adding(days: Int) -> LocalDate { LocalDate(dayNumber: dayNumber + days) }

    /// Midnight of the day at a fixed offset from UTC.
    public func start(offsetMinutes: Int = LocalDate.lagosOffsetMinutes) -> Instant {
        Instant(ms: Int64(dayNumber) * Instant.dayMs - Int64(offsetMinutes) * 60_000)
    }

    /// Monday is 0.
    public var weekday: Int { ((dayNumber + 3) % 7 + 7) % 7 }

    /// Days of a month (1 to 12) of a year of the Gregorian calendar.
    public static func days(in month: Int, _ year: Int) -> Int {
        switch month {
        case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Proleptic Gregorian day number (the well-known era arithmetic; years start in March).
    private static func number(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    public var civil: (year: Int, month: Int, day: Int) {
        let z = dayNumber + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shifted + 2) / 5 + 1
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}
