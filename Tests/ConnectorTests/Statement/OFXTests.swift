import Connectors
import Domain
import Testing

@Suite("OFX and QFX")
struct OFXTests {
    private func play(_ text: String, pieceBytes: Int = .max) -> ParserPlay {
        ParserPlay(OFXParser(), text, pieceBytes: pieceBytes)
    }

    /// A statement in NGN with these elements among its rows.
    private func file(_ rows: String, balance: String = "<BALAMT>5<DTASOF>20240131", currency: String = "NGN") -> String
    {
        """
        OFXHEADER:100
        DATA:OFXSGML
        CHARSET:1252

        <OFX><BANKMSGSRSV1><STMTTRNRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>\(currency)
        <BANKACCTFROM><BANKID>058<ACCTID>000 111 2223<ACCTTYPE>CHECKING</BANKACCTFROM>
        <BANKTRANLIST><DTSTART>20240101<DTEND>20240131
        \(rows)
        </BANKTRANLIST><LEDGERBAL>\(balance)</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
        """
    }

    private func row(_ elements: String, currency: String = "NGN") -> StatementRow? {
        let played = play(file("<STMTTRN>\(elements)</STMTTRN>", currency: currency))
        #expect(played.error == nil)
        return played.rows.first
    }

    @Test("a statement says its account, its period, its rows and its balances")
    func statement() throws {
        let played = play(
            file(
                "<STMTTRN><TRNTYPE>ATM<DTPOSTED>20240105<TRNAMT>-12.30<FITID>F1<REFNUM>R1<NAME>CASH"
                    + "<MEMO>CASH ATM 7\n</STMTTRN>"
            ))
        let header = try #require(played.headers.first)
        #expect(header.accountNumber == "0001112223")
        #expect(header.accountType == "current" && header.bankCode == "058" && header.currency == .ngn)
        #expect(header.period?.from.iso == "2024-01-01" && header.period?.to.iso == "2024-01-31")
        let read = try #require(played.rows.first)
        #expect(read.transaction.upstreamID == "F1" && read.bankReference == "F1")
        #expect(read.transaction.amount == Money(minor: -1230, currency: .ngn))
        #expect(read.transaction.text == "CASH ATM 7" && read.transaction.counterparty == "CASH")
        #expect(
            read.transaction.reference == "R1" && read.transaction.code == "ATM" && read.transaction.channel == "atm")
        #expect(read.place == 8)
        #expect(played.closings.first?.closing?.amount.minor == 500)
        #expect(played.error == nil && played.notes.isEmpty)
    }

    @Test(
        "amounts are read with either decimal mark and never rounded",
        arguments: [
            ("-12.30", -1230), ("12,3", 1230), ("+1,234.50", 123_450), ("1.234,50", 123_450), ("-0,01", -1),
            ("1 025,53", 102_553), ("1,234,567.8", 123_456_780), ("1.234.567", 123_456_700), ("5.5000", 550),
            (".5", 50),
        ])
    func amounts(text: String, minor: Int64) {
        #expect(row("<DTPOSTED>20240105<TRNAMT>\(text)<FITID>1")?.transaction.amount.minor == minor)
    }

    @Test(
        "an amount that is none, or finer than its currency, refuses the file and names the line",
        arguments: [
            "$120", "", "1.234", "1,23.45", "12-", "1e3", "99999999999999999999", "1,2,3", "NaN", "--1", "0x10",
        ])
    func badAmounts(text: String) {
        let played = play(file("<STMTTRN><DTPOSTED>20240105<TRNAMT>\(text)<FITID>1</STMTTRN>"))
        #expect(played.error?.code == .malformed)
        #expect(played.error?.place == 8)
        #expect(played.rows.isEmpty)
    }

    @Test(
        "a day is as the bank wrote it, of a moment in another zone UTC's; an instant only where a time was meant",
        arguments: [
            ("20240105", "2024-01-05", nil), ("20240105000000", "2024-01-05", nil),
            ("20240105120000.000[0:GMT]", "2024-01-05", nil),
            ("20240105233000[-5:EST]", "2024-01-06", "2024-01-06T04:30:00.000Z"),
            ("20240105003000.250[+1:WAT]", "2024-01-05", "2024-01-04T23:30:00.000Z"),
            ("20240105000000[+1:WAT]", "2024-01-05", nil),
            ("20240105003000[+2]", "2024-01-04", "2024-01-04T22:30:00.000Z"),
            ("202401050930", "2024-01-05", "2024-01-05T09:30:00.000Z"),
            ("20240105093000[5.5:IST]", "2024-01-05", "2024-01-05T04:00:00.000Z"),
            ("20240105093000[-3.50]", "2024-01-05", "2024-01-05T13:00:00.000Z"),
            ("20240105296100", "2024-01-05", nil),
        ] as [(String, String, String?)])
    func days(text: String, day: String, instant: String?) {
        let read = row("<DTPOSTED>\(text)<TRNAMT>1<FITID>1")?.transaction
        #expect(read?.bookedOn.iso == day)
        #expect(read?.occurredAt?.iso == instant)
    }

    @Test(
        "a row without a day that exists refuses the file",
        arguments: ["", "20240230", "00000000", "2024", "05/01/2024"])
    func badDays(text: String) {
        #expect(play(file("<STMTTRN><DTPOSTED>\(text)<TRNAMT>1<FITID>1</STMTTRN>")).error?.code == .malformed)
    }

    @Test("text keeps what it says: entities, CDATA, a bare ampersand, a bare less-than")
    func text() {
        let name = { (text: String) in self.row("<DTPOSTED>20240105<TRNAMT>1<NAME>\(text)")?.transaction.text }
        #expect(name("Tom & Sons &amp; Co") == "Tom & Sons & Co")
        #expect(name("A &lt; B&#39;s &#x26; &nbsp;C &unknown; &") == "A < B's & C &unknown; &")
        #expect(name("<![CDATA[ <b> & ]] ]]>") == "<b> & ]]")
        #expect(name("A < B") == "A < B")
        #expect(name("A <!-- a remark --> B") == "A B")
        #expect(name("&amp;lt;") == "&lt;")
    }

    @Test("references stay as they are written, only texts lose spaces")
    func references() {
        let read = row("<DTPOSTED>20240105<TRNAMT>1<FITID> A  B C <REFNUM>R  1<NAME>Ada  Obi<MEMO>For  rent")
        #expect(read?.transaction.upstreamID == "A  B C" && read?.customerReference == "R  1")
        #expect(read?.transaction.text == "Ada Obi For rent")
    }

    @Test("names and numbers of the other side are not the account's or the row's own")
    func otherSide() {
        let played = play(
            file(
                "<STMTTRN><DTPOSTED>20240105<TRNAMT>1<FITID>1<NAME>ME"
                    + "<BANKACCTTO><BANKID>9<ACCTID>999<ACCTTYPE>SAVINGS</BANKACCTTO></STMTTRN>"
                    + "<STMTTRN><DTPOSTED>20240105<TRNAMT>1<FITID>2<PAYEE><NAME>ADA<CITY>Lagos</PAYEE></STMTTRN>"))
        #expect(played.headers.first?.accountNumber == "0001112223")
        #expect(played.rows.map(\.transaction.counterparty) == ["ME", "ADA"])
    }

    @Test("a row in another currency keeps it, and is told")
    func foreign() {
        let played = play(
            file(
                "<STMTTRN><DTPOSTED>20240105<TRNAMT>1.5<FITID>1<CURRENCY><CURRATE>1500<CURSYM>USD</CURRENCY></STMTTRN>")
        )
        #expect(played.lines == ["2024-01-05 1.5 USD"])
        #expect(played.notes.map(\.kind) == [.notUnderstood])
    }

    @Test("pending rows are pending, and a row that nobody closed ends where the next begins")
    func pending() {
        let played = play(
            file(
                "<STMTTRN><DTPOSTED>20240105<TRNAMT>1<FITID>1<STMTTRN><DTPOSTED>20240106"
                    + "<TRNAMT>2<FITID>2</STMTTRN></BANKTRANLIST>"
                    + "<BANKTRANLISTP><STMTTRNP><DTTRAN>20240107<TRNAMT>3<NAME>X</STMTTRNP></BANKTRANLISTP>"))
        #expect(played.lines == ["2024-01-05 1 NGN", "2024-01-06 2 NGN", "2024-01-07 3 NGN"])
        #expect(played.rows.map(\.transaction.status) == [.booked, .booked, .pending])
    }

    @Test("a card's statement that is closed as an account's is one statement")
    func closedAsAnother() {
        let text = file("<STMTTRN><DTPOSTED>20240105<TRNAMT>-1<FITID>1</STMTTRN>")
            .replacing("<STMTRS>", with: "<CCSTMTRS>").replacing("</STMTTRNRS>", with: "</CCSTMTTRNRS>")
        let played = play(text)
        #expect(played.error == nil)
        #expect(played.headers.first?.accountType == "current")
        #expect(played.closings.count == 1)
    }

    @Test(
        "the bank's error in place of a statement is told with its number",
        arguments: [
            ("<CODE>15500<SEVERITY>ERROR<MESSAGE>secret words", "15500"), ("<CODE>2003<SEVERITY>ERROR", "2003"),
            ("<CODE>2000</CODE><SEVERITY>Error</SEVERITY>", "2000"), ("<CODE>13501", "13501"),
            ("<CODE>words<SEVERITY>ERROR", "without a number"),
        ])
    func bankError(status: String, shown: String) {
        let played = play("<OFX><SIGNONMSGSRSV1><SONRS><STATUS>\(status)</STATUS></SONRS></SIGNONMSGSRSV1></OFX>")
        #expect(played.error?.code == .bankError)
        #expect(played.error?.message.contains(shown) == true)
        #expect(played.error?.message.contains("words") == false)
    }

    @Test("a warning is no error")
    func warning() {
        let status = "<STATUS><CODE>15000<SEVERITY>WARN</STATUS>"
        #expect(play("<OFX><SONRS>\(status)</SONRS></OFX>").error == nil)
    }

    @Test("a balance with a day and no amount refuses the file; one that is not there at all is told")
    func balances() {
        let row = "<STMTTRN><DTPOSTED>20240105<TRNAMT>1<FITID>1</STMTTRN>"
        #expect(play(file(row, balance: "<BALAMT> <DTASOF>20240131")).error?.code == .malformed)
        let empty = play(file(row, balance: "<BALAMT></BALAMT><DTASOF></DTASOF>"))
        #expect(empty.error == nil && empty.notes.map(\.kind) == [.missing])
        let dayless = play(file(row, balance: "<BALAMT>7<DTASOF>"))
        #expect(dayless.closings.first?.closing?.on.iso == "2024-01-31")
    }

    @Test("a file that stops anywhere before its end is truncated", arguments: [1, 7, 40, 90, 200])
    func truncated(bytes: Int) {
        let whole = file("<STMTTRN><DTPOSTED>20240105<TRNAMT>1<FITID>1</STMTTRN>")
        let played = play(String(whole.dropLast(bytes)))
        #expect(played.error?.code == .truncated)
    }

    @Test("no document type is accepted, and what holds no OFX is refused")
    func refused() {
        let bomb = "<!DOCTYPE OFX [<!ENTITY a \"&b;&b;\">]>"
        #expect(play(bomb + file("")).error?.code == .malformed)
        #expect(play("hello").error?.code == .malformed)
        #expect(play("<html><body>Sign in</body></html>").error?.code == .malformed)
        #expect(play("").error?.code == .malformed)
        #expect(play(String(repeating: "<OFX>", count: 100)).error?.code == .malformed)
    }

    @Test("a field of more than its limit is refused, however it comes")
    func tooLarge() {
        var limits = StatementLimits()
        limits.fieldBytesMax = 200
        let long = String(repeating: "x", count: 300)
        for text in [
            file("<STMTTRN><NAME>\(long)"), "<\(long)>", "<OFX><!-- \(long)", "<OFX><A><![CDATA[\(long)", long,
        ] {
            for pieceBytes in [1, 7, .max] {
                #expect(ParserPlay(OFXParser(limits: limits), text, pieceBytes: pieceBytes).error?.code == .tooLarge)
            }
        }
    }

    @Test("a file without any text is none, and an empty OFX has no statements")
    func empty() {
        #expect(play("<OFX></OFX>") == ParserPlay(OFXParser(), "<OFX ></OFX>"))
        #expect(play("<OFX></OFX>").events.isEmpty)
        #expect(play("<OFX></OFX>").error == nil)
    }
}
