import Connectors
import Domain
import Testing

@Suite("MT940 and MT942")
struct MT940Tests {
    private func play(_ text: String, pieceBytes: Int = .max) -> ParserPlay {
        ParserPlay(MT940Parser(), text, pieceBytes: pieceBytes)
    }

    private func row(_ line: String, _ more: String = "") -> StatementRow? {
        let played = play(":20:X\n:25:1\n:60F:C240101EUR0,\n:61:\(line)\n\(more)\n:62F:C240101EUR0,\n-\n")
        #expect(played.error == nil)
        return played.rows.first
    }

    @Test(
        "a mark says which way money goes, a reversal turns it, and a funds code behind it is no part of it",
        arguments: [
            ("240102C5,NTRFX", 500), ("240102D5,NTRFX", -500), ("240102RC5,NTRFX", -500), ("240102RD5,NTRFX", 500),
            ("240102CR5,NTRFX", 500), ("240102DR5,NTRFX", -500), ("240102RCR5,NTRFX", -500),
            ("240102RDR5,NTRFX", 500), ("240102c5,NTRFX", 500), ("240102DD 5,NTRFX", -500),
            ("240102D000000000005,5NTRFX", -550), ("240102C5NTRFX", 500), ("240102C5.25NTRFX", 525),
            ("240102D,50NTRFX", -50), (" 240102D5,NTRFX", -500),
        ])
    func marks(line: String, minor: Int64) {
        #expect(row(line)?.transaction.amount == Money(minor: minor, currency: Currency(code: "EUR")))
    }

    @Test("an announced movement of an interim report is pending")
    func expected() {
        #expect(row("240102EC5,NTRFX")?.transaction.status == .pending)
        #expect(row("240102ED5,NTRFX")?.transaction.amount.minor == -500)
        #expect(row("240102C5,NTRFX")?.transaction.status == .booked)
    }

    @Test(
        "the entry date is of the year that is nearest to the value date",
        arguments: [
            ("2312310102D5,NTRFX", "2024-01-02", "2023-12-31"), ("2401021231D5,NTRFX", "2023-12-31", "2024-01-02"),
            ("2407010702D5,NTRFX", "2024-07-02", "2024-07-01"), ("240701D5,NTRFX", "2024-07-01", "2024-07-01"),
            ("240701    D5,NTRFX", "2024-07-01", "2024-07-01"), ("2407010000D5,NTRFX", "2024-07-01", "2024-07-01"),
            ("991231D5,NTRFX", "1999-12-31", "1999-12-31"), ("230230D5,NTRFX", "2023-02-28", "2023-02-28"),
            ("2402300301D5,NTRFX", "2024-03-01", "2024-02-29"),
        ])
    func dates(line: String, bookedOn: String, valueOn: String) {
        #expect(row(line)?.transaction.bookedOn.iso == bookedOn)
        #expect(row(line)?.valueOn?.iso == valueOn)
    }

    @Test(
        "references are cut where banks cut them",
        arguments: [
            ("240102D5,NTRFREF 1//BANK1", "REF 1", "BANK1", "REF 1"),
            ("240102D5,NTRFNONREF//BANK1", "NONREF", "BANK1", "BANK1"),
            ("240102D5,NTRF", nil, nil, nil), ("240102D5,NTRFNONREF//", "NONREF", nil, nil),
            ("240102D5,N0440121470966      W.P. Jansen", "0121470966", nil, "0121470966"),
            ("240102D5,NOVBNL20INGB0001234567", "NL20INGB0001234567", nil, "NL20INGB0001234567"),
            ("240102D5,NTRFA  B//C  D", "A  B", "C  D", "A  B"),
            (
                "240102D5,NTRFA-REFERENCE-OF-MORE-THAN-16//B", "A-REFERENCE-OF-M", nil,
                "A-REFERENCE-OF-MORE-THAN-16"
            ),
            (
                "240102D5,NTRFNONREF//12345678901234567890123456789", "NONREF", "12345678901234567890123",
                "12345678901234567890123456789"
            ),
        ] as [(String, String?, String?, String?)])
    func references(line: String, customer: String?, bank: String?, reference: String?) {
        let read = row(line)
        #expect(read?.customerReference == customer)
        #expect(read?.bankReference == bank)
        #expect(read?.transaction.reference == reference)
    }

    @Test("a movement that is wrapped before its amount or its type is one movement")
    func wrapped() {
        #expect(row("2401020102D\n5,50NTRFX")?.transaction.amount.minor == -550)
        #expect(row("2401020102D5,5\n0NTRFX")?.transaction.amount.minor == -550)
        let type = row("2401020102D5,50\nNTRFX//Y\nmore words")
        #expect(type?.customerReference == "X")
        #expect(type?.transaction.text == "more words")
        #expect(row("2401020102D5,50\nwords only")?.transaction.code == nil)
    }

    @Test(
        "what a movement is about is found in each bank's own structure",
        arguments: [
            (
                ":86:166?00GUTSCHRIFT?20EREF+E-17?21SVWZ+Miete Mai Haus 5?32ADA?33 OBI", "Miete Mai Haus 5", "ADA OBI",
                "E-17"
            ),
            (":86:020?00UEBERWEISUNG?20Rechnung 4711?21vom 1.5.?32EVA", "Rechnung 4711 vom 1.5.", "EVA", nil),
            (":86:000>100987654321\n>20RENT>21 MAY>310390123456", "RENT MAY", nil, nil),
            (":86:020~00X~20FAKTURA 12~32ZAKLAD", "FAKTURA 12", "ZAKLAD", nil),
            (":86:005?00KONTOF?\n20UEHRUNG", "UEHRUNG", nil, nil), (":86:005?00ZINSEN", "ZINSEN", nil, nil),
            (":86:/TRTP/SEPA/IBAN/NL1/NAME/J JANSEN/REMI/HUUR/JULI/EREF/R-9", "HUUR/JULI", "J JANSEN", "R-9"),
            (
                ":86:/CNTP/NL1/INGBNL2A/ING BANK///REMI/USTD//HUUR/", "HUUR", "ING BANK", nil
            ),
            (":86:BETALING\nVAN HUUR", "BETALING VAN HUUR", nil, nil), (":86:", "", nil, nil), ("", "", nil, nil),
            (":86:one\n:86:two", "one two", nil, nil), (":86:is it 12?30 already", "is it 12?30 already", nil, nil),
        ] as [(String, String, String?, String?)])
    func details(field: String, text: String, counterparty: String?, reference: String?) {
        let read = row("240102D5,NTRFNONREF", field)?.transaction
        #expect(read?.text == text)
        #expect(read?.counterparty == counterparty)
        #expect(read?.reference == reference)
    }

    @Test(
        "the account is the number without the bank before it and the currency behind it",
        arguments: [
            ("0001112223", "0001112223", nil), ("70011110/4005287001EUR", "4005287001", "70011110"),
            ("1291.99.348EUR", "1291.99.348", nil), ("NL71RABO0123456789EUR", "NL71RABO0123456789", nil),
            ("UBRTHUHB/123456789150ABCDEF002/EUR", "123456789150ABCDEF002", "UBRTHUHB"),
            ("NL91 ABNA 0417 1643 00", "NL91ABNA0417164300", nil),
        ] as [(String, String, String?)])
    func account(field: String, number: String, bank: String?) {
        let header = play(":20:X\n:25:\(field)\n:61:240102C1,NTRFX\n-\n").headers.first
        #expect(header?.accountNumber == number)
        #expect(header?.bankCode == bank)
    }

    @Test("an interim report takes its currency from the floor limit and has no balances")
    func interim() {
        let played = play(
            ":20:X\n:25:1\n:28C:1/1\n:34F:NGN0,\n:13D:2401021200+0100\n:61:240102D5,NTRFX\n:90D:1NGN5,\n-\n")
        #expect(played.lines == ["2024-01-02 -5 NGN"])
        #expect(played.notes.isEmpty && played.error == nil)
        #expect(played.closings.first?.closing == nil)
    }

    @Test("messages end by their last line, by the next message, or by the file's end")
    func messages() {
        let one = ":20:X\n:25:1\n:60F:C240101EUR0,\n:61:240102C1,NTRFX\n:62F:C240102EUR1,\n"
        let two = ":20:Y\n:25:2\n:60F:C240101EUR0,\n:61:240102C2,NTRFY\n:62F:C240102EUR2,"
        for between in ["-\n", "-}{5:}\n{1:F01X}{2:I940X}{4:\n", "", ":940:\n", "-XXX\nBANK\n940\n", "-\r\n\r\n"] {
            let played = play(one + between + two + (between.contains("{") ? "\n-}" : ""))
            #expect(played.lines == ["2024-01-02 1 EUR", "2024-01-02 2 EUR"], "\(between)")
            #expect(played.headers.map(\.accountNumber) == ["1", "2"])
            #expect(played.closings.map { $0.closing?.amount.minor } == [100, 200])
        }
    }

    @Test("in a SWIFT block a message may end on the line of its last field")
    func endOfBlock() {
        let one = "{1:F01X}{2:I940X}{4:\n:20:X\n:25:1\n:60F:C240101EUR0,\n:61:240102C1,NTRFX\n:62F:C240102EUR1,"
        for end in ["-}\n", "-}{5:{CHK:1}}\n", "\n:86:all-in, and\n so on  -}", "-}"] {
            let played = play(one + end)
            #expect(played.error == nil && played.notes.isEmpty, "\(end)")
            #expect(played.closings.map { $0.closing?.amount.minor } == [100])
            #expect(play(one + end + one.replacing("1,NTRFX", with: "7,NTRFX") + end).rows.count == 2)
        }
        let plain = ":20:X\n:60F:C240101EUR0,\n:61:240102C1,NTRFX\n:86:a -}\n:62F:C240102EUR1,\n-\n"
        #expect(play(plain).rows.first?.transaction.text == "a -}", "outside of blocks it is text")
    }

    @Test("a closing balance that some banks leave out, or write without its currency, is told")
    func leftOut() {
        let rows = ":20:X\n:25:1\n:60F:C240101EUR0,\n:61:240102C1,NTRFX\n:86:whole\n"
        let open = play(rows)
        #expect(open.error == nil && open.rows.count == 1 && open.notes.map(\.kind) == [.missing])
        #expect(play(String(rows.dropLast())).error?.code == .truncated, "the last line may be cut")
        let bare = play(rows + ":62M:C2401021,\n-\n")
        #expect(bare.closings.first?.closing?.amount == Money(minor: 100, currency: Currency(code: "EUR")))
        #expect(bare.notes.map(\.kind) == [.missing] && bare.notes.first?.place == 6)
    }

    @Test("a file that stops within a statement is truncated, not a shorter statement")
    func truncated() {
        let played = play(":20:X\n:25:1\n:60F:C240101EUR0,\n:61:240102C1,NTRFX\n:86:wor")
        #expect(played.error?.code == .truncated)
        #expect(play("{1:F01X}{4:\n:20:X\n:25:1\n:60F:C240101EUR0,\n:62F:C240101EUR0,\n").error?.code == .truncated)
    }

    @Test(
        "what a row's date or amount depends on is refused when it is not as the format has it",
        arguments: [
            ":61:240431C1,NTRFX", ":61:240102X1,NTRFX", ":61:240102CNTRFX", ":61:240102C1,2,3NTRFX", ":61:",
            ":61:2401023302C1,NTRFX", ":61:240102C1,234NTRFX", ":61:240102C99999999999999999999,NTRFX",
            ":60F:X240101EUR1,", ":62F:C241301EUR1,", ":60F:C240101E1R1,",
        ])
    func malformed(field: String) {
        let played = play(":20:X\n:60F:C240101EUR0,\n\(field)\n:62F:C240102EUR0,\n-\n")
        #expect(played.error?.code == .malformed)
        #expect(played.error?.place == 3)
    }

    @Test("text in Windows-1252 is read, what is no text is shown as such, and both are told once")
    func encoding() {
        let head = Array(":20:X\n:60F:C240101EUR0,\n".utf8)
        let latin = Array(":61:240102C1,NTRFX\n:86:M".utf8) + [0xFC] + Array("ller\n".utf8)
        let utf8 = Array(":61:240102C1,NTRFX\n:86:Ö\n".utf8)
        let binary = Array(":61:240102C1,NTRFX\n:86:A".utf8) + [0, 1, 0x1B] + Array("B\n".utf8)
        let played = ParserPlay(MT940Parser(), head + latin + utf8 + binary + Array(":62F:C240102EUR3,\n".utf8))
        #expect(played.rows.map(\.transaction.text) == ["Müller", "Ö", "A\u{FFFD}\u{FFFD}\u{FFFD}B"])
        #expect(played.notes.map(\.kind) == [.encoding, .encoding])
    }

    @Test("a field or line of more than its limit is refused, however it comes")
    func tooLarge() {
        var limits = StatementLimits()
        limits.fieldBytesMax = 100
        let long = ":20:X\n:60F:C240101EUR0,\n:61:240102C1,NTRFX\n:86:" + String(repeating: "x", count: 101)
        let many = ":20:X\n:60F:C240101EUR0,\n:61:240102C1,NTRFX\n:86:" + String(repeating: "x\n", count: 101)
        for text in [long, many] {
            for pieceBytes in [1, 7, .max] {
                let played = ParserPlay(MT940Parser(limits: limits), text, pieceBytes: pieceBytes)
                #expect(played.error?.code == .tooLarge)
            }
        }
    }

    @Test("what is no MT940 at all is refused")
    func nothing() {
        #expect(play("hello\nworld\n").error?.code == .malformed)
        #expect(play("").error?.code == .malformed)
    }
}
