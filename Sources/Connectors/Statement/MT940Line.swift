import Domain

/// Field 61 of an MT940 or MT942, one movement:
/// `YYMMDD[MMDD]` mark `[funds code]` amount type `reference[//bank's reference]`, and details on a line of their own.
struct MT940Line: Sendable, Equatable {
    var valueOn: LocalDate
    /// nil when the line gives only the value date.
    var enteredOn: LocalDate?
    /// True for money out of the account: a debit, or a credit taken back.
    var isOut: Bool
    /// Announced and not booked yet (`EC`, `ED`).
    var isExpected: Bool
    /// A plain decimal with a point, without sign.
    var amount: String
    var type: String
    var customerReference: String
    var bankReference: String
    var details: String

    /// nil when the text is no such line. Lines of the field are parted by LF.
    init?(_ text: [UInt8]) {
        var cut = text.split(separator: 10, omittingEmptySubsequences: true)[...]
        guard var first = cut.popFirst()?.drop(while: { $0 == 32 }) else { return nil }
        // Some banks wrap the line before its amount or type is over.
        while first.count < MT940Line.wrappedBytesMax, let next = cut.first, MT940Line.goesOn(next),
            MT940Line(first, details: cut, needsType: true) == nil
        {
            first = first + next
            cut.removeFirst()
        }
        guard let read = MT940Line(first, details: cut, needsType: false) else { return nil }
        self = read
    }

    /// True when a line may be the end of the one before, from its amount or its type on.
    private static func goesOn(_ line: ArraySlice<UInt8>) -> Bool {
        guard let first = line.first else { return false }
        if (48...57).contains(first) || first == 44 { return true }
        return "NFS".utf8.contains(first) && line.count >= 4
            && line.prefix(4).allSatisfy { (65...90).contains($0) || (48...57).contains($0) }
    }

    private static let wrappedBytesMax = 40

    private init?(_ line: ArraySlice<UInt8>, details lines: ArraySlice<ArraySlice<UInt8>>, needsType: Bool) {
        var rest = line
        guard let value = MT940Line.valueDate(rest.prefix(6)) else { return nil }
        rest = rest.dropFirst(6)
        (valueOn, enteredOn) = (value, nil)
        let entry = rest.prefix(4)
        if entry.count == 4, entry.allSatisfy({ (48...57).contains($0) }) {
            enteredOn = MT940Line.entryDate(entry, near: value)
            // Zeros stand where there is none.
            guard enteredOn != nil || entry.allSatisfy({ $0 == 48 }) else { return nil }
            rest = rest.dropFirst(4)
        } else if entry.count == 4, entry.allSatisfy({ $0 == 32 }) {
            rest = rest.dropFirst(4)
        }
        guard let mark = MT940Line.mark(&rest) else { return nil }
        (isOut, isExpected) = mark
        guard let amount = MT940Line.amount(&rest) else { return nil }
        self.amount = amount
        // A type is a letter and three more.
        let hasType = rest.count >= 4 && rest.first.map(MT940Line.isLetter) == true
        guard hasType || !needsType else { return nil }
        type = hasType ? MT940Line.text(rest.prefix(4)) : ""
        rest = rest.dropFirst(hasType ? 4 : 0)
        var extra: [UInt8]
        (customerReference, bankReference, extra) = MT940Line.references(rest)
        for line in lines { extra += (extra.isEmpty ? [] : [32]) + line }
        details = StatementText.squeezed(StatementText.decode(extra).text)
    }

    /// `C`, `D`, `RC` (a credit taken back: out), `RD`, `EC`, `ED`; behind it perhaps the currency's third letter.
    private static func mark(_ rest: inout ArraySlice<UInt8>) -> (isOut: Bool, isExpected: Bool)? {
        guard var letter = rest.popFirst().map(upper) else { return nil }
        let before = letter
        if before == UInt8(ascii: "R") || before == UInt8(ascii: "E") {
            guard let next = rest.popFirst().map(upper) else { return nil }
            letter = next
        }
        guard letter == UInt8(ascii: "C") || letter == UInt8(ascii: "D") else { return nil }
        if let funds = rest.first, isLetter(funds) { rest.removeFirst() }
        while rest.first == 32 { rest.removeFirst() }
        return ((letter == UInt8(ascii: "D")) != (before == UInt8(ascii: "R")), before == UInt8(ascii: "E"))
    }

    /// Digits with one comma; a point where a bank takes it for one.
    private static func amount(_ rest: inout ArraySlice<UInt8>) -> String? {
        let digits = rest.prefix { (48...57).contains($0) || $0 == 44 || $0 == 46 }
        rest = rest.dropFirst(digits.count)
        return decimal(digits)
    }

    /// An amount of a balance or a movement with a point; nil when it is none. `,50` is half of one.
    static func decimal(_ digits: ArraySlice<UInt8>) -> String? {
        let marks = digits.count { !(48...57).contains($0) }
        guard marks <= 1, digits.count > marks, digits.allSatisfy({ (48...57).contains($0) || $0 == 44 || $0 == 46 })
        else { return nil }
        let plain = String(decoding: digits.map { $0 == 44 ? 46 : $0 }, as: UTF8.self)
        return plain.hasPrefix(".") ? "0" + plain : plain
    }

    /// What the account owner and the bank call it. The first is 16 characters where nothing ends it sooner; some banks
    /// put the other side's whole IBAN there, or go on with a name.
    private static func references(_ rest: ArraySlice<UInt8>) -> (customer: String, bank: String, extra: [UInt8]) {
        let slash = UInt8(ascii: "/")
        var at = rest.startIndex
        while at < rest.endIndex, !(rest[at] == slash && at + 1 < rest.endIndex && rest[at + 1] == slash) { at += 1 }
        var (customer, bank, extra) = (rest[..<at], rest[at...].dropFirst(2), [UInt8]())
        if at == rest.endIndex, customer.count > customerMax {
            let word = customer.prefix { $0 != 32 }
            let cut = isIBAN(word) ? word.count : customerMax
            extra = Array(customer.dropFirst(cut))
            customer = customer.prefix(cut)
        }
        if bank.count > bankMax {
            extra += bank.dropFirst(bankMax)
            bank = bank.prefix(bankMax)
        }
        return (text(customer), text(bank), extra)
    }

    private static let customerMax = 16
    /// The standard has 16; banks write longer ones.
    private static let bankMax = 34

    /// The account owner's reference as far as the format gives it room: 16 characters, or a whole IBAN.
    var customerField: String {
        isLong ? StatementText.trimmed(customerReference.prefix(MT940Line.customerMax)) : customerReference
    }

    /// What follows the account owner's reference at once; behind a longer one the format has none.
    var bankField: String { isLong ? "" : StatementText.trimmed(bankReference.prefix(MT940Line.bankFieldMax)) }

    /// Some banks put the customer's reference of a SEPA payment there, behind its keyword and whole.
    private var isLong: Bool {
        customerReference.count > MT940Line.customerMax && !customerReference.hasPrefix("KREF+")
            && !customerReference.hasPrefix("EREF+") && !MT940Line.isIBAN(Array(customerReference.utf8)[...])
    }

    /// The standard has 16, in the practice of banks up to 23.
    private static let bankFieldMax = 23

    private static func isIBAN(_ word: ArraySlice<UInt8>) -> Bool {
        (15...34).contains(word.count) && word.prefix(2).allSatisfy { (65...90).contains($0) }
            && word.dropFirst(2).prefix(2).allSatisfy { (48...57).contains($0) }
            && word.allSatisfy { (65...90).contains($0) || (48...57).contains($0) }
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        StatementText.trimmed(StatementText.decode(bytes).text)
    }

    private static func upper(_ byte: UInt8) -> UInt8 { (97...122).contains(byte) ? byte - 32 : byte }
    private static func isLetter(_ byte: UInt8) -> Bool { (65...90).contains(upper(byte)) }
}

extension MT940Line {
    /// `YYMMDD`: 80 to 99 are the last century's. A 30 February, as banks reckon interest, is that month's last day.
    static func valueDate(_ digits: ArraySlice<UInt8>) -> LocalDate? {
        guard digits.count == 6, let number = number(digits) else { return nil }
        let year = number / 10_000
        return date(year + (year >= 80 ? 1900 : 2000), number / 100 % 100, number % 100)
    }

    /// `MMDD` of the year that puts it nearest to the value date.
    static func entryDate(_ digits: ArraySlice<UInt8>, near value: LocalDate) -> LocalDate? {
        guard let number = number(digits) else { return nil }
        let year = value.civil.year
        let candidates = [year, year - 1, year + 1].compactMap { date($0, number / 100, number % 100) }
        return candidates.min { abs($0.dayNumber - value.dayNumber) < abs($1.dayNumber - value.dayNumber) }
    }

    private static func date(_ year: Int, _ month: Int, _ day: Int) -> LocalDate? {
        let isLastOfFebruary = month == 2 && (29...30).contains(day)
        return LocalDate(year: year, month: month, day: isLastOfFebruary ? LocalDate.days(in: 2, year) : day)
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        var value = 0
        for digit in digits {
            guard (48...57).contains(digit) else { return nil }
            value = value * 10 + Int(digit - 48)
        }
        return value
    }
}
