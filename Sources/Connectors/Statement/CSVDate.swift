import Domain

/// A date in a field of a CSV, and the time behind it.
struct CSVDate: Sendable, Equatable {
    enum Day: Sendable, Equatable {
        case known(LocalDate)
        /// Two numbers of which either may be the day.
        case pair(Int, Int, year: Int)
        /// Three numbers of two digits with hyphens, of which the first or the last is the year.
        case short(Int, Int, Int)
    }

    enum Reading: Sendable, Equatable {
        /// No date at all.
        case none
        /// The form of a date, which no calendar has.
        case impossible
        case date(CSVDate)
    }

    var day: Day
    /// Since midnight; nil when no time is written.
    var seconds: Int?
    var offsetMinutes: Int?

    /// Which order a date proves; nil when both are possible or neither matters.
    var proves: DateOrder? {
        if case .short = day, readings.count == 1 { return readings.keys.first }
        guard case .pair(let first, let second, _) = day else { return nil }
        if first > 12, second <= 12 { return .dayFirst }
        if second > 12, first <= 12 { return .monthFirst }
        return nil
    }

    /// The day in every order in which the calendar has it.
    var readings: [DateOrder: LocalDate] {
        var readings: [DateOrder: LocalDate] = [:]
        for order in DateOrder.allCases { readings[order] = day(order) }
        return readings
    }

    /// True when the order changes which day it is.
    var isAmbiguous: Bool {
        if case .short = day { return Set(readings.values).count > 1 }
        guard case .pair(let first, let second, _) = day else { return false }
        return first != second && first <= 12 && second <= 12
    }

    /// nil when the calendar has no such day.
    func day(_ order: DateOrder) -> LocalDate? {
        switch day {
        case .known(let day): return day
        case .pair(let first, let second, let year):
            switch order {
            case .dayFirst: return LocalDate(year: year, month: second, day: first)
            case .monthFirst: return LocalDate(year: year, month: first, day: second)
            case .yearFirst: return isAmbiguous ? nil : day(proves ?? .dayFirst)
            }
        case .short(let first, let second, let third):
            switch order {
            case .dayFirst: return LocalDate(year: Self.year(third), month: second, day: first)
            case .monthFirst: return LocalDate(year: Self.year(third), month: first, day: second)
            case .yearFirst: return LocalDate(year: Self.year(first), month: second, day: third)
            }
        }
    }

    /// The year that two digits mean.
    static func year(_ digits: Int) -> Int { digits < 70 ? 2000 + digits : 1900 + digits }

    /// The moment, unless no time is written or only midnight, with which programs fill what they do not know.
    func instant(_ order: DateOrder, offsetMinutes usual: Int) -> Instant? {
        guard let seconds, seconds > 0, let day = day(order) else { return nil }
        return day.start(offsetMinutes: offsetMinutes ?? usual) + Int64(seconds) * 1000
    }

    /// Reads a whole field.
    static func read(_ field: ArraySlice<UInt8>) -> Reading {
        var reader = CSVDateReader(field)
        let reading = reader.read()
        return reader.isAtEnd ? reading : .none
    }

    /// Every date in a text such as `01-Jan-2024 to 31-Jan-2024`, in its order.
    static func all(in text: ArraySlice<UInt8>) -> [CSVDate] {
        var dates: [CSVDate] = []
        var rest = text
        while let start = rest.firstIndex(where: { isDigit($0) || isLetter($0) }) {
            rest = rest[start...]
            var reader = CSVDateReader(rest)
            if case .date(let date) = reader.read() {
                dates.append(date)
                rest = reader.rest
            } else {
                let isNumber = isDigit(rest[start])
                rest = rest.drop { isNumber ? isDigit($0) : isLetter($0) }
            }
        }
        return dates
    }
}

func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
func isLetter(_ byte: UInt8) -> Bool { (97...122).contains(byte | 32) }

/// Reads one date at the beginning of a text.
struct CSVDateReader {
    private(set) var rest: ArraySlice<UInt8>
    private static let months: [[UInt8]] = [
        "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
        "december",
    ].map { Array($0.utf8) }
    private static let days: [[UInt8]] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"].map { Array($0.utf8) }

    init(_ text: ArraySlice<UInt8>) { rest = text }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func read() -> CSVDate.Reading {
        skip(" ")
        if let first = rest.first, isLetter(first), isWeekday {
            word()
            skip(" ,.")
        }
        guard let day = rest.first.map({ isDigit($0) ? numeric() : named() }) ?? nil else { return .none }
        var date = CSVDate(day: day)
        if case .pair(let first, let second, _) = day,
            first > 31 || second > 31 || first > 12 && second > 12
                || first == 0 || second == 0
        {
            return .impossible
        }
        if case .short = day, date.readings.isEmpty { return .impossible }
        guard time(&date) else { return .none }
        if case .known(let day) = day, day.dayNumber == .min { return .impossible }
        return .date(date)
    }

    /// Stands for a date of the right form that no calendar has.
    private static let impossible = CSVDate.Day.known(LocalDate(dayNumber: .min))

    // MARK: days

    private mutating func numeric() -> CSVDate.Day? {
        if let short = short() { return short }
        let digits = rest.prefix { isDigit($0) }
        guard let first = number(digits.count == 8 ? 8 : 4) else { return nil }
        if digits.count == 8 { return known(first / 10_000, first / 100 % 100, first % 100) }
        if digits.count == 4 {
            guard separator(), let month = rest.first.map({ isDigit($0) ? number(2) : month() }) ?? nil, separator(),
                let day = number(2)
            else { return nil }
            return known(first, month, day)
        }
        guard digits.count <= 2 else { return nil }
        ordinal()
        let isParted = separator()
        if let next = rest.first, isLetter(next) {
            guard let month = month(), let year = year() else { return nil }
            return known(year, month, first)
        }
        guard isParted, let second = number(2), separator(), let year = yearNumber() else { return nil }
        return .pair(first, second, year: year)
    }

    /// Where slashes or points stand between, nobody writes the year of two digits first.
    private mutating func short() -> CSVDate.Day? {
        let form = Array(rest.prefix(9))
        guard form.count >= 8, form.count == 8 || !isDigit(form[8]),
            (0..<8).allSatisfy({ $0 % 3 == 2 ? form[$0] == UInt8(ascii: "-") : isDigit(form[$0]) })
        else { return nil }
        rest = rest.dropFirst(8)
        let numbers = [0, 3, 6].map { Int(form[$0] - 48) * 10 + Int(form[$0 + 1] - 48) }
        return .short(numbers[0], numbers[1], numbers[2])
    }

    /// `st`, `nd`, `rd` or `th` behind a day.
    private mutating func ordinal() {
        let word = rest.prefix { isLetter($0) }.map { $0 | 32 }
        if word.count == 2, ["st", "nd", "rd", "th"].contains(where: { word.elementsEqual($0.utf8) }) {
            rest.removeFirst(2)
        }
    }

    private mutating func named() -> CSVDate.Day? {
        guard let month = month() else { return nil }
        skip(" -/.")
        guard let day = number(2) else { return nil }
        ordinal()
        guard let year = year() else { return nil }
        return known(year, month, day)
    }

    private func known(_ year: Int, _ month: Int, _ day: Int) -> CSVDate.Day {
        LocalDate(year: year, month: month, day: day).map { .known($0) } ?? Self.impossible
    }

    private mutating func year() -> Int? {
        skip(" -/.,'")
        return yearNumber()
    }

    private mutating func yearNumber() -> Int? {
        let count = rest.prefix { isDigit($0) }.count
        guard count == 2 || count == 4, let year = number(4) else { return nil }
        return count == 4 ? year : CSVDate.year(year)
    }

    private mutating func month() -> Int? {
        let word = rest.prefix { isLetter($0) }.map { $0 | 32 }
        guard word.count >= 3 else { return nil }
        let isSept = word.elementsEqual("sept".utf8)
        let found = Self.months.firstIndex { isSept ? $0[0] == UInt8(ascii: "s") : $0.starts(with: word) }
        guard let found else { return nil }
        rest.removeFirst(word.count)
        return found + 1
    }

    private var isWeekday: Bool {
        let word = rest.prefix { isLetter($0) }.map { $0 | 32 }
        return word.count >= 3 && Self.days.contains { word.starts(with: $0) }
    }

    // MARK: times

    /// - Returns: false when something like a time is written wrongly.
    private mutating func time(_ date: inout CSVDate) -> Bool {
        let before = rest
        if rest.first == UInt8(ascii: "T") || rest.first == UInt8(ascii: ",") { rest.removeFirst() }
        skip(" ")
        guard let next = rest.first, isDigit(next), let hour = number(2), take(":"), let minute = number(2) else {
            rest = before
            skip(" ")
            return true
        }
        var second = 0
        if take(":") {
            guard let told = number(2) else { return false }
            second = told
            if take(".") { rest = rest.drop { isDigit($0) } }
        }
        guard let hour = halfDay(hour), hour < 24, minute < 60, second < 61 else { return false }
        date.seconds = hour * 3600 + minute * 60 + second
        return offset(&date)
    }

    private mutating func halfDay(_ hour: Int) -> Int? {
        let before = rest
        skip(" ")
        let word = rest.prefix { isLetter($0) || $0 == UInt8(ascii: ".") }.map { $0 | 32 }.filter { isLetter($0) }
        guard word.elementsEqual("am".utf8) || word.elementsEqual("pm".utf8) else {
            rest = before
            return hour
        }
        rest = rest.drop { isLetter($0) || $0 == UInt8(ascii: ".") }
        guard hour <= 12 else { return hour }
        return hour % 12 + (word[0] == UInt8(ascii: "p") ? 12 : 0)
    }

    private mutating func offset(_ date: inout CSVDate) -> Bool {
        if take("Z") {
            date.offsetMinutes = 0
        } else if let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
            rest.removeFirst()
            guard let hours = number(2) else { return false }
            _ = take(":")
            guard let minutes = number(2), hours < 24, minutes < 60 else { return false }
            date.offsetMinutes = (hours * 60 + minutes) * (sign == UInt8(ascii: "-") ? -1 : 1)
        }
        skip(" ")
        return true
    }

    // MARK: characters

    private mutating func number(_ digitsMax: Int) -> Int? {
        let digits = rest.prefix { isDigit($0) }.prefix(digitsMax)
        guard !digits.isEmpty else { return nil }
        rest = rest[digits.endIndex...]
        return digits.reduce(0) { $0 * 10 + Int($1 - 48) }
    }

    private mutating func separator() -> Bool {
        guard let next = rest.first, "-/. ".utf8.contains(next) else { return false }
        rest.removeFirst()
        skip(" ")
        return true
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    private mutating func word() { rest = rest.drop { isLetter($0) } }

    private mutating func skip(_ characters: String) { rest = rest.drop { characters.utf8.contains($0) } }
}
