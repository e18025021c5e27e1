import Domain

/// Dates and codes as OFX writes them.
enum OFXValues {
    /// `20240131`, `20240131120000.000[-5:EST]`: the day as it is written. Periods and balances are of such days.
    static func day(_ text: String) -> LocalDate? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 8, let year = number(bytes[0..<4]), let month = number(bytes[4..<6]),
            let dayOfMonth = number(bytes[6..<8])
        else { return nil }
        return LocalDate(year: year, month: month, day: dayOfMonth)
    }

    /// The day of a row, and its instant where a time of day was meant. Midnight and noon without more are what banks
    /// fill in when they know only the day, and then it is the day as written.
    ///
    /// A time with the offset of another zone names a moment, and its day is that moment's in UTC, OFX's own zone: so
    /// every program that reads the file gives it. In Nigeria's offset it stays the day that the bank's customers see.
    static func posted(_ text: String) -> (day: LocalDate, at: Instant?)? {
        guard let day = day(text) else { return nil }
        let bytes = Array(text.utf8)
        guard bytes.count >= 12, let hours = number(bytes[8..<10]), let minutes = number(bytes[10..<12]), hours < 24,
            minutes < 60
        else { return (day, nil) }
        let seconds = bytes.count >= 14 ? number(bytes[12..<14]) ?? 0 : 0
        guard seconds < 60, minutes != 0 || seconds != 0 || hours % 12 != 0 else { return (day, nil) }
        let ofDay = Int64(hours * 3600 + minutes * 60 + seconds) * 1000
        let offset = offsetMinutes(bytes)
        let at = Instant(ms: day.start(offsetMinutes: offset).ms + ofDay)
        return (offset == LocalDate.lagosOffsetMinutes ? day : at.day(offsetMinutes: 0), at)
    }

    /// `[-5:EST]`, `[+5.5]`; 0 when there is none, as the standard has it.
    private static func offsetMinutes(_ bytes: [UInt8]) -> Int {
        guard let open = bytes.firstIndex(of: UInt8(ascii: "[")) else { return 0 }
        var rest = bytes[(open + 1)...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        let whole = rest.prefix { (48...57).contains($0) }
        guard whole.count <= 2, let hours = number(whole), hours <= 14 else { return 0 }
        var minutes = hours * 60
        rest = rest.dropFirst(whole.count)
        if rest.first == UInt8(ascii: ".") {
            // A fraction of an hour: `.5`, `.50`, `.75`.
            let fraction = rest.dropFirst().prefix { (48...57).contains($0) }.prefix(2)
            if let value = number(fraction) {
                minutes += value * (fraction.count == 1 ? 6 : 60) / (fraction.count == 1 ? 1 : 100)
            }
        }
        return isNegative ? -minutes : minutes
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard !digits.isEmpty else { return nil }
        var value = 0
        for digit in digits {
            guard (48...57).contains(digit) else { return nil }
            value = value * 10 + Int(digit - 48)
        }
        return value
    }

    /// OFX's kinds of accounts in the words of accounts here.
    static func accountType(_ text: String) -> String {
        switch text.uppercased() {
        case "CHECKING": "current"
        case "MONEYMRKT": "money_market"
        case "CREDITLINE": "credit_line"
        case "CD": "fixed_deposit"
        default: text.lowercased()
        }
    }

    static func currency(_ text: String) -> Currency? {
        let code = text.uppercased()
        guard code.utf8.count == 3, code.utf8.allSatisfy({ (65...90).contains($0) }) else { return nil }
        return Currency(code: code)
    }

    /// What a bank's status means to the person who downloaded the file.
    static func bankError(_ status: String, place: Int) -> StatementError {
        let reason =
            switch status {
            case "15500", "15501", "15502", "15510":
                "the sign-on was refused: check the user name and password, or unlock the account,"
            case "15000": "the password must be changed first at the bank,"
            case "2003", "2004", "2012": "the bank does not know the account, or has closed it:"
            case "2014", "2019", "2020": "the bank refuses the account or the dates that were asked for,"
            case "2000", "2001": "the bank's system failed: try again later"
            default: "the bank could not make the statement"
            }
        return StatementError(
            .bankError,
            "The file holds the bank's error \(status) in place of a statement: \(reason) and download it again.",
            place: place)
    }
}
