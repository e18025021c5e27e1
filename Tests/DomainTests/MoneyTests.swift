import Domain
import Testing

struct MoneyTests {
    @Test(
        "decimal text is read exactly",
        arguments: [
            ("0", 0), ("-0", 0), ("0.00", 0), ("100", 10_000), ("153.37", 15_337), ("-0.5", -50), ("+1.2", 120),
            (".5", 50), ("7.", 700), ("007.10", 710), ("1.500000", 150), ("92233720368547758.07", Int64.max),
            ("-92233720368547758.08", Int64.min),
        ])
    func reads(text: String, minor: Int64) throws {
        #expect(try Money(parsing: text, currency: .ngn).minor == minor)
    }

    @Test(
        "what is no amount says why",
        arguments: [
            ("", .notANumber), ("-", .notANumber), (".", .notANumber), ("1,000.00", .notANumber), ("1e3", .notANumber),
            ("NaN", .notANumber), ("1.2.3", .notANumber), (" 1", .notANumber), ("١", .notANumber), ("--1", .notANumber),
            ("0.001", .tooFine), ("1.005", .tooFine), ("92233720368547758.08", .tooLarge),
            ("-92233720368547758.09", .tooLarge), ("99999999999999999999999", .tooLarge),
        ] as [(String, MoneyError)])
    func refuses(text: String, error: MoneyError) {
        #expect(throws: error) { try Money(parsing: text, currency: .ngn) }
    }

    @Test("the scale of the currency decides")
    func scales() throws {
        let yen = Currency(code: "JPY")
        let dinar = Currency(code: "KWD")
        #expect(try Money(parsing: "120", currency: yen).minor == 120)
        #expect(try Money(parsing: "1.234", currency: dinar).minor == 1234)
        #expect(throws: MoneyError.tooFine) { try Money(parsing: "1.2", currency: yen) }
        #expect(Money(minor: 1234, currency: dinar).decimal == "1.234")
        #expect(Money(minor: -120, currency: yen).decimal == "-120")
    }

    @Test(
        "a currency has the decimals of ISO 4217, two where the standard says nothing else",
        arguments: [
            ("NGN", 2), ("USD", 2), ("JPY", 0), ("XOF", 0), ("XAF", 0), ("UGX", 0), ("KWD", 3), ("TND", 3), ("CLF", 4),
            ("???", 2), ("", 2), ("JPYX", 2),
        ])
    func standardScales(code: String, scale: Int) {
        #expect(Currency(code: code).scale == scale)
        #expect(Currency.scale(of: code) == scale)
    }

    @Test(
        "an amount is written as the shortest exact decimal",
        arguments: [
            (0, "0"), (1, "0.01"), (-1, "-0.01"), (10, "0.1"), (-50, "-0.5"), (100, "1"), (15_337, "153.37"),
            (Int64.max, "92233720368547758.07"), (Int64.min, "-92233720368547758.08"),
        ])
    func writes(minor: Int64, text: String) throws {
        let money = Money(minor: minor, currency: .ngn)
        #expect(money.decimal == text)
        #expect(try Money(parsing: text, currency: .ngn) == money)
    }

    @Test("what is written is read back, for many amounts")
    func roundTrip() throws {
        var random = SeededRandom(seed: 1)
        for _ in 0..<5000 {
            let minor = Int64(bitPattern: random.next()) >> Int64(random.next() % 64)
            let scale = Int(random.next() % 5)
            let currency = Currency(code: "XXX", scale: scale)
            let text = Money.decimal(minor: minor, scale: scale)
            #expect(try Money(parsing: text, currency: currency).minor == minor, "\(minor) at scale \(scale)")
        }
    }
}
