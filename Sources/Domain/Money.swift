/// An amount in the smallest unit of its currency; + is money into the account.
public struct Money: Hashable, Sendable {
    public let minor: Int64
    public let currency: Currency

    public init(minor: Int64, currency: Currency) {
        self.minor = minor
        self.currency = currency
    }

    /// The largest amount, of either sign, that is taken of a bank or a file. Beyond it stands a mistake or a trap: ten
    /// trillion naira are more than any customer of a bank has, and thousands of such rows still add up.
    public static let takenMinorMax: Int64 = 1_000_000_000_000_000

    /// Whether it may be taken as the amount of a row or a balance.
    public var isTakeable: Bool { minor.magnitude <= Self.takenMinorMax.magnitude }

    /// Reads a decimal from text, never from a floating-point number.
    /// - Throws: `MoneyError` when it is no number, finer than the currency, or larger than 64 bits hold.
    public init(parsing text: String, currency: Currency) throws(MoneyError) {
        self.init(minor: try Money.minor(parsing: text, scale: currency.scale), currency: currency)
    }

    static func minor(parsing text: String, scale: Int) throws(MoneyError) -> Int64 {
        var bytes = Array(text.utf8)[...]
        var isNegative = false
        if let sign = bytes.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            isNegative = sign == UInt8(ascii: "-")
            bytes = bytes.dropFirst()
        }
        var value: Int64 = 0
        var decimals: Int? = nil
        var sawDigit = false
        for byte in bytes {
            if byte == UInt8(ascii: "."), decimals == nil {
                decimals = 0
                continue
            }
            guard (48...57).contains(byte) else { throw .notANumber }
            sawDigit = true
            if let seen = decimals {
                if seen >= scale {
                    guard byte == 48 else { throw .tooFine }
                    continue
                }
                decimals = seen + 1
            }
            value = try append(Int64(byte - 48), to: value, isNegative)
        }
        guard sawDigit else { throw .notANumber }
        for _ in (decimals ?? 0)..<scale { value = try append(0, to: value, isNegative) }
        return value
    }

    private static func append(_ digit: Int64, to value: Int64, _ isNegative: Bool) throws(MoneyError) -> Int64 {
        let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
        let (sum, over) = isNegative ? tens.subtractingReportingOverflow(digit) : tens.addingReportingOverflow(digit)
        guard !overflow, !over else { throw .tooLarge }
        return sum
    }

    /// The exact decimal: `153.37`, `100`, `-0.5`.
    public var decimal: String { Money.decimal(minor: minor, scale: currency.scale) }

    /// An exact decimal of minor units with `scale` decimals, without zeros at its end: `153.37`, `100`, `-0.5`.
    public static func decimal(minor: Int64, scale: Int) -> String {
        let digits = String(minor.magnitude)
        let padded = digits.count > scale ? digits : String(repeating: "0", count: scale + 1 - digits.count) + digits
        let whole = padded.dropLast(scale)
        var fraction = padded.suffix(scale)
        while fraction.last == "0" { fraction.removeLast() }
        return (minor < 0 ? "-" : "") + whole + (fraction.isEmpty ? "" : "." + fraction)
    }
}

/// Why a text is no amount.
public enum MoneyError: Error, Equatable, CustomStringConvertible {
    case notANumber, tooFine, tooLarge
    public var description: String {
        switch self {
        case .notANumber: "this is not a decimal number"
        case .tooFine: "this amount is finer than the smallest unit of its currency"
        case .tooLarge: "this amount is too large"
        }
    }
}

/// An ISO 4217 code with the number of its decimals.
public struct Currency: Hashable, Sendable, CustomStringConvertible {
    public let code: String
    public let scale: Int

    /// - Parameter scale: only where somebody else says it; else it is the standard's.
    public init(code: String, scale: Int? = nil) {
        self.code = code
        self.scale = scale ?? Currency.scale(of: code)
    }
    public static let ngn = Currency(code: "NGN")
    public var description: String { code }
}

extension Currency {
    /// What a currency has unless the standard says otherwise.
    public static let usualScale = 2
    /// The currencies of ISO 4217 that have another number of decimals than two.
    static let scales: [(scale: Int, codes: [String])] = [
        (
            0,
            [
                "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF",
                "XOF", "XPF",
            ]
        ),
        (3, ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]),
        (4, ["CLF", "UYW"]),
    ]

    private static let byCode: [UInt32: Int] = {
        let pairs = scales.flatMap { group in group.codes.map { (number(Array($0.utf8)), group.scale) } }
        return Dictionary(pairs) { first, _ in first }
    }()

    private static let naira: UInt32 = 0x4E_474E

    /// Decimals of a currency by the bytes of its code as they lie in a row; lists ask for every amount.
    public static func scale(of code: UnsafeBufferPointer<UInt8>) -> Int {
        guard code.count == 3 else { return usualScale }
        let number = UInt32(code[0]) << 16 | UInt32(code[1]) << 8 | UInt32(code[2])
        return number == naira ? usualScale : byCode[number] ?? usualScale
    }

    /// Decimals of a currency by its ISO 4217 code; 2 when the code is unknown.
    public static func scale(of code: String) -> Int {
        Array(code.utf8).withUnsafeBufferPointer { scale(of: $0) }
    }

    private static func number(_ code: [UInt8]) -> UInt32 { code.reduce(0) { $0 << 8 | UInt32($1) } }
}
