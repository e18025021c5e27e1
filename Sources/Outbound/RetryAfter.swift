import Domain

/// The header's two forms: seconds, or one of the three dates of HTTP.
enum RetryAfter {
    /// Longer waits are not counted further; the retry schedule has its own, shorter limit.
    static let secondsMax = 30 * 86_400

    static func seconds(_ text: String, now: Instant) -> Int? {
        if !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) {
            return min(Int(text) ?? secondsMax, secondsMax)
        }
        guard let moment = date(text, now: now) else { return nil }
        let wait = (moment - now + 999) / 1000
        return Int(min(max(wait, 0), Int64(secondsMax)))
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
    private static func date(_ text: String, now: Instant) -> Instant? {
        let words = text.split(whereSeparator: { $0 == " " || $0 == "," || $0 == "-" }).map(String.init)
        if words.count == 6, words[5] == "GMT" {
            return instant(year: words[3], month: words[2], day: words[1], time: words[4], now: now)
        }
        if words.count == 5 {
            return instant(year: words[4], month: words[1], day: words[2], time: words[3], now: now)
        }
        return nil
    }

    private static func instant(year: String, month: String, day: String, time: String, now: Instant) -> Instant? {
        let clock = time.split(separator: ":").map { Int($0) }
        guard let number = Int(year), let month = months.firstIndex(of: month), let day = Int(day), clock.count == 3,
            let hour = clock[0], let minute = clock[1], let second = clock[2],
            (0..<24).contains(hour), (0..<60).contains(minute), (0...60).contains(second)
        else { return nil }
        var full = number
        if year.utf8.count == 2 {
            // A date more than 50 years ahead is of the century before.
            let thisYear = now.day(offsetMinutes: 0).civil.year
            full += thisYear / 100 * 100
            if full > thisYear + 50 { full -= 100 }
        }
        guard let date = LocalDate(year: full, month: month + 1, day: day) else { return nil }
        return date.start(offsetMinutes: 0) + Int64((hour * 60 + minute) * 60 + second) * 1000
    }
}
