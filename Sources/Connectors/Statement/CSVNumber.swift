/// An amount in a field of a CSV: `₦1,234.50`, `(1,234.50)`, `1.234,50`, `1 234,50`, `1,234.50DR`, `-1234.5`.
struct CSVNumber: Sendable, Equatable {
    enum Reading: Sendable, Equatable {
        /// Nothing, a dash, or a word for nothing.
        case empty
        case number(CSVNumber)
        case notANumber
        /// More decimals than the currency has; nothing is rounded.
        case tooFine
        case tooLarge
    }

    /// Minor units; negative where a sign or brackets say so.
    var minor: Int64
    /// What `DR` or `CR` at the number says; nil when neither stands there.
    var isDebit: Bool?

    /// The currency that a sign or a code at the number names; nil when none stands there.
    static func currency(_ field: ArraySlice<UInt8>) -> String? {
        CSVNumberParts(field).flatMap { $0.digits.isEmpty ? nil : $0.currency }
    }

    /// - Parameters:
    ///   - decimal: the byte before decimals, a point or a comma; the other one parts thousands.
    ///   - scale: decimals of the currency.
    static func read(_ field: ArraySlice<UInt8>, decimal: UInt8, scale: Int) -> Reading {
        guard let parts = CSVNumberParts(field) else { return .notANumber }
        guard !parts.digits.isEmpty else { return parts.isNothing ? .empty : .notANumber }
        return parts.number(decimal: decimal, scale: scale)
    }

    /// The byte before the decimals, where a number leaves no choice; nil where it does, or is none.
    static func decimalMark(_ field: ArraySlice<UInt8>) -> UInt8? {
        guard let parts = CSVNumberParts(field) else { return nil }
        let marks = parts.digits.indices.filter { !isDigit(parts.digits[$0]) }
        guard let last = marks.last else { return nil }
        let mark = parts.digits[last]
        let other = mark == UInt8(ascii: ".") ? UInt8(ascii: ",") : UInt8(ascii: ".")
        if marks.contains(where: { parts.digits[$0] != mark }) { return mark }
        if marks.count > 1 { return other }
        return parts.digits.count - last - 1 == 3 ? nil : mark
    }
}

/// A number taken apart: digits and marks, and what stands around them.
struct CSVNumberParts {
    /// Digits, points and commas alone.
    private(set) var digits: [UInt8] = []
    private(set) var isNegative = false
    private var isDebit: Bool?
    /// The field holds only what stands for nothing.
    private(set) var isNothing = true

    private(set) var currency: String?

    private static let marks: [(bytes: [UInt8], currency: String?, isMinus: Bool)] =
        CSVCurrency.signs.map { (Array($0.utf8), $1, false) } + [
            (Array("\u{00A0}".utf8), nil, false), (Array("\u{202F}".utf8), nil, false),
            (Array("\u{2009}".utf8), nil, false), (Array("−".utf8), nil, true), (Array("–".utf8), nil, true),
            ([0xA0], nil, false),
        ]

    /// nil when something stands there that belongs to no number.
    init?(_ field: ArraySlice<UInt8>) {
        var index = field.startIndex
        var word: [UInt8] = []
        while index < field.endIndex {
            let byte = field[index]
            if isLetter(byte) {
                word.append(byte | 32)
                index += 1
                if index < field.endIndex, isLetter(field[index]) { continue }
                guard take(word: word) else { return nil }
                word.removeAll(keepingCapacity: true)
            } else if byte >= 128 {
                guard let mark = Self.marks.first(where: { field[index...].starts(with: $0.bytes) }) else { return nil }
                if mark.isMinus, !digits.isEmpty || isNegative { return nil }
                if mark.isMinus { isNegative = true }
                if let code = mark.currency { currency = code }
                index += mark.bytes.count
            } else {
                guard take(byte, isLast: index == field.endIndex - 1) else { return nil }
                index += 1
            }
        }
    }

    private mutating func take(_ byte: UInt8, isLast: Bool) -> Bool {
        switch byte {
        case 48...57, UInt8(ascii: "."), UInt8(ascii: ","):
            // `.` behind a word, as in `Cr.`, is no part of the number.
            if byte == UInt8(ascii: "."), isDebit != nil, isLast { return true }
            digits.append(byte)
        case UInt8(ascii: "-"):
            // Before the number, or as some programs write it, behind it.
            guard digits.isEmpty || isLast else { return false }
            isNegative = true
        case UInt8(ascii: "("):
            guard digits.isEmpty else { return false }
            isNegative = true
        case UInt8(ascii: "$"): currency = "USD"
        case UInt8(ascii: "/"), UInt8(ascii: "="), UInt8(ascii: "+"), UInt8(ascii: "#"):
            guard digits.isEmpty else { return false }
        case UInt8(ascii: ")"), UInt8(ascii: "'"), UInt8(ascii: "\""), 32, 9: break
        default: return false
        }
        return true
    }

    private mutating func take(word: [UInt8]) -> Bool {
        switch String(decoding: word, as: UTF8.self) {
        case "cr", "c", "credit": isDebit = false
        case "dr", "d", "db", "debit": isDebit = true
        case "nil", "n", "na", "a", "none", "null": break
        default:
            // A currency's code.
            guard word.count == 3 else { return false }
            isNothing = false
            currency = String(decoding: word, as: UTF8.self).uppercased()
        }
        return true
    }

    func number(decimal: UInt8, scale: Int) -> CSVNumber.Reading {
        let whole = digits.prefix { $0 != decimal }
        let fraction = digits[min(whole.count + 1, digits.count)...]
        guard fraction.allSatisfy({ isDigit($0) }), isGrouped(whole), !whole.isEmpty || !fraction.isEmpty else {
            return .notANumber
        }
        guard fraction.dropFirst(scale).allSatisfy({ $0 == 48 }) else { return .tooFine }
        var value: Int64 = 0
        let zeros = max(scale - fraction.count, 0)
        for byte in whole where isDigit(byte) { guard Self.append(byte, &value) else { return .tooLarge } }
        for byte in fraction.prefix(scale) { guard Self.append(byte, &value) else { return .tooLarge } }
        for _ in 0..<zeros { guard Self.append(48, &value) else { return .tooLarge } }
        return .number(CSVNumber(minor: isNegative ? -value : value, isDebit: isDebit))
    }

    private static func append(_ digit: UInt8, _ value: inout Int64) -> Bool {
        let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
        let (sum, over) = tens.addingReportingOverflow(Int64(digit - 48))
        value = sum
        return !overflow && !over
    }

    /// Thousands in groups of three; of two before the last, as in India.
    private func isGrouped(_ whole: ArraySlice<UInt8>) -> Bool {
        let groups = whole.split(omittingEmptySubsequences: false) { !isDigit($0) }
        guard groups.count > 1 else { return true }
        guard let first = groups.first, let last = groups.last, (1...3).contains(first.count), last.count == 3 else {
            return false
        }
        return groups.dropFirst().dropLast().allSatisfy { $0.count == 3 || $0.count == 2 }
    }
}
