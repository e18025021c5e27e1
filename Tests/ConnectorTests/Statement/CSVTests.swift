import Connectors
import Domain
import Testing

@Suite("CSV statements")
struct CSVTests {
    private func read(_ text: String, dates: DateOrder? = nil, profile: String? = nil) -> ParserPlay {
        ParserPlay(StatementReader(dateOrder: dates, profile: profile), text)
    }

    private let headings = "Date,Narration,Debit,Credit,Balance\n"

    @Test(
        "the exports of banks are read by their own profiles",
        arguments: [
            ("gtbank", "gtbank", ["2024-01-02 -5000 NGN", "2024-01-02 -4.5 NGN", "2024-01-31 106750 NGN"]),
            ("access", "access-bank", ["2024-02-13 -1200 NGN", "2024-02-14 -10 NGN"]),
            ("firstbank", "first-bank", ["2024-03-01 -2500.75 NGN", "2024-03-04 500.75 NGN"]),
            ("opay", "opay", ["2024-05-02 -50 NGN", "2024-05-03 1000 NGN"]),
            ("kuda", "kuda", ["2024-01-15 -28997.57 NGN", "2024-01-14 30000 NGN"]),
            ("bankstract", "bankstract", ["2024-04-01 2500 NGN", "2024-04-02 -300.5 NGN"]),
            ("drcr-column", "amount-dr-cr", ["2023-12-25 1234.5 NGN", "2023-12-26 -234.5 NGN"]),
            ("suffix", "signed-amount", ["2024-05-01 1234.5 NGN", "2024-05-02 -34.5 NGN", "2024-05-03 -1500 NGN"]),
            ("newest-first", "debit-credit", ["2024-06-30 5 NGN", "2024-06-29 -10 NGN", "2024-06-28 30 NGN"]),
        ])
    func banks(file: String, profile: String, lines: [String]) throws {
        let bytes = try Sample.bytes("made/csv-\(file).csv")
        let told = ParserPlay(StatementReader(), bytes)
        #expect(told.error == nil)
        #expect(told.lines == lines)
        #expect(told.notes.isEmpty)
        #expect(Sample.dialect(bytes)?.profile == profile)
        for size in [1, 3, 100] { #expect(ParserPlay(StatementReader(), bytes, pieceBytes: size) == told) }
    }

    @Test("a bank whose order of day and month is not known is asked for, and then read by its profile")
    func askedBank() throws {
        let bytes = try Sample.bytes("made/csv-palmpay.csv")
        #expect(ParserPlay(StatementReader(), bytes).error?.code == .ambiguousDates)
        let told = ParserPlay(StatementReader(dateOrder: .monthFirst), bytes)
        #expect(told.lines == ["2024-04-03 -1500 NGN", "2024-04-02 2000 NGN"])
    }

    @Test("account, holder, period and balances are found before the headings, and rows keep what columns hold")
    func preamble() throws {
        let told = ParserPlay(StatementReader(), try Sample.bytes("made/csv-gtbank.csv"))
        let header = try #require(told.headers.first)
        #expect(header.accountNumber == "0123456789" && header.holderName == "ADA OBI")
        #expect(header.period?.from == LocalDate("2024-01-01") && header.period?.to == LocalDate("2024-01-31"))
        #expect(header.opening?.amount.minor == 1_000_000)
        #expect(told.closings.first?.closing?.amount.minor == 11_174_550)
        let row = told.rows[1]
        #expect(row.transaction.text == "ELECTRONIC MONEY TRANSFER LEVY")
        #expect(row.transaction.branch == "635 LEKKI" && row.transaction.runningBalance?.minor == 499_550)
        #expect(row.place == 10)
        let opay = ParserPlay(StatementReader(), try Sample.bytes("made/csv-opay.csv"))
        #expect(opay.headers.first?.accountNumber == "7012345678" && opay.headers.first?.holderName == "NGOZI BELLO")
        #expect(opay.headers.first?.period?.to == LocalDate("2024-05-31"))
        #expect(opay.closings.first?.closing?.amount.minor == 105_000)
        #expect(opay.rows.first?.transaction.occurredAt?.iso == "2024-05-02T07:15:10.000Z")
        #expect(opay.rows.first?.transaction.channel == "Mobile")
        #expect(opay.rows.first?.customerReference == "240502000001")
    }

    @Test("where a file states no balances, its running balances give them, whatever the order of rows")
    func derived() throws {
        let told = ParserPlay(StatementReader(), try Sample.bytes("made/csv-newest-first.csv"))
        let closing = try #require(told.closings.first)
        #expect(closing.opening?.amount.minor == 0 && closing.opening?.on == LocalDate("2024-06-28"))
        #expect(closing.closing?.amount.minor == 2500 && closing.closing?.on == LocalDate("2024-06-30"))
    }

    @Test(
        "amounts are read in every form banks write",
        arguments: [
            ("\"₦1,234.50\"", 123_450), ("\"(1,234.50)\"", 123_450), ("N1234.5", 123_450), ("NGN 1 234.50", 123_450),
            ("\"1,234.50DR\"", 123_450), ("-1234.50", 123_450), ("1234.50-", 123_450), ("\"1,00,234.50\"", 10_023_450),
            ("1234", 123_400), ("\"1,234\"", 123_400), ("1'234.50", 123_450), ("\"=\"\"1234.50\"\"\"", 123_450),
            ("−1234.50", 123_450), (".5", 50), ("1234.5000", 123_450),
        ])
    func amounts(field: String, minor: Int64) {
        let told = read(headings + "2024-01-31,A,\(field),,\n")
        #expect(told.error == nil)
        #expect(told.rows.first?.transaction.amount.minor == -minor)
    }

    @Test(
        "an amount that is none, or finer or larger than can be kept, refuses the file with its line",
        arguments: [
            "1.x0", "12-34", "1.2.3,4", "\"1,2345,678\"", "1.234", "99999999999999999999", "5/6", "5(",
            "1 EURO",
        ])
    func wrongAmounts(field: String) {
        let told = read(headings + "2024-01-30,A,1,,\n2024-01-31,A,\(field),,\n")
        #expect(told.error?.code == .malformed)
        #expect(told.error?.place == 3)
    }

    @Test("a comma before the decimals is found from the file, and then holds for all of it")
    func comma() {
        let told = read("Date;Narration;Debit;Credit\n2024-01-30;A;1.234,50;\n2024-01-31;B;1.234;\n")
        #expect(told.rows.map(\.transaction.amount.minor) == [-123_450, -123_400])
        let point = read("Date;Narration;Debit;Credit\n2024-01-30;A;1,234.50;\n2024-01-31;B;1,234;\n")
        #expect(point.rows.map(\.transaction.amount.minor) == [-123_450, -123_400])
    }

    @Test(
        "dates are read in every form banks write",
        arguments: [
            "2024-01-31", "31/01/2024", "31-Jan-2024", "31 January 2024", "31.01.24", "01/31/2024", "Jan 31, 2024",
            "20240131", "31JAN2024", "2024/01/31", "Wed, 31 Jan 2024", "31-JAN-24", "2024-01-31T00:00:00",
            "31/01/2024 00:00", "31 Jan 2024 12:00:00 AM",
        ])
    func dates(field: String) {
        let told = read(headings + "\"\(field)\",A,1,,\n")
        #expect(told.lines == ["2024-01-31 -1 NGN"])
        #expect(told.rows.first?.transaction.occurredAt == nil)
    }

    @Test(
        "a time is a moment in the bank's zone unless an offset is written",
        arguments: [
            ("31/01/2024 13:45:10", "2024-01-31T12:45:10.000Z"), ("31/01/2024 1:45 PM", "2024-01-31T12:45:00.000Z"),
            ("2024-01-31T13:45:10Z", "2024-01-31T13:45:10.000Z"),
            ("2024-01-31 13:45:10+02:00", "2024-01-31T11:45:10.000Z"),
        ])
    func times(field: String, iso: String) {
        #expect(read(headings + "\(field),A,1,,\n").rows.first?.transaction.occurredAt?.iso == iso)
    }
}

@Suite("Dates of a CSV that leave a choice")
struct CSVDateOrderTests {
    private let headings = "Date,Narration,Debit,Credit\n"

    private func read(_ text: String, _ order: DateOrder? = nil, profile: String? = nil) -> ParserPlay {
        ParserPlay(StatementReader(dateOrder: order, profile: profile), text)
    }

    @Test("one date that can be read in one way only decides for the whole file, also for rows before it")
    func decided() {
        #expect(read(headings + "01/02/2024,A,1,\n13/02/2024,B,1,\n").lines.first == "2024-02-01 -1 NGN")
        #expect(read(headings + "01/02/2024,A,1,\n02/13/2024,B,1,\n").lines.first == "2024-01-02 -1 NGN")
        let late = headings + String(repeating: "01/02/2024,A,1,\n", count: 20_000) + "13/02/2024,B,1,\n"
        #expect(read(late).rows.count == 20_001)
        #expect(
            read("Period: 13/01/2024 to 10/02/2024,,,\n" + headings + "01/02/2024,A,1,\n").lines == [
                "2024-02-01 -1 NGN"
            ])
    }

    @Test("where none decides the person is asked, and the answer is taken")
    func asked() {
        let text = headings + "01/02/2024,A,1,\n02/03/2024,B,1,\n"
        let told = read(text)
        #expect(told.error?.code == .ambiguousDates && told.error?.place == 2)
        #expect(told.events.isEmpty)
        #expect(read(text, .dayFirst).lines == ["2024-02-01 -1 NGN", "2024-03-02 -1 NGN"])
        #expect(read(text, .monthFirst).lines == ["2024-01-02 -1 NGN", "2024-02-03 -1 NGN"])
        #expect(read(headings + "02/02/2024,A,1,\n").lines == ["2024-02-02 -1 NGN"])
    }

    @Test("dates that contradict each other or the answer refuse the file")
    func contradict() {
        #expect(read(headings + "13/02/2024,A,1,\n02/13/2024,B,1,\n").error?.place == 3)
        #expect(read(headings + "13/02/2024,A,1,\n", .monthFirst).error?.code == .malformed)
        #expect(read(headings + "31/02/2024,A,1,\n").error?.code == .malformed)
    }

    @Test("a date of two-digit numbers with hyphens may begin with the year: the person or the profile says so")
    func shortYears() {
        let text = headings + "24-01-30,A,1,\n24-01-31,B,1,\n"
        let told = read(text)
        #expect(told.error?.code == .ambiguousDates && told.error?.place == 2)
        #expect(told.error?.message.contains("year first") == true)
        #expect(told.events.isEmpty)
        #expect(read(text, .yearFirst).lines == ["2024-01-30 -1 NGN", "2024-01-31 -1 NGN"])
        #expect(read(text, .dayFirst).lines == ["2030-01-24 -1 NGN", "2031-01-24 -1 NGN"])
        #expect(read(text, profile: "kuda").error?.code == .noProfile)
        let kuda = "Date/Time,Money In,Money Out,Category,To / From,Description,Balance\n24-01-30,,1,,B,A,\n"
        #expect(read(kuda).lines == ["2030-01-24 -1 NGN"], "its profile says that the day is first")
        #expect(read(headings + "05-05-05,A,1,\n").lines == ["2005-05-05 -1 NGN"])
        #expect(read(headings + "32-01-31,A,1,\n").lines == ["2032-01-31 -1 NGN"], "no month has so many days")
        #expect(read(headings + "24-13-31,A,1,\n").error?.code == .malformed)
    }

    @Test("the order that leaves short dates together is taken when the others tear them apart")
    func shortYearsTogether() {
        let years = "24-01-05,A,1,\n24-01-20,B,1,\n"
        #expect(read(headings + years).lines == ["2024-01-05 -1 NGN", "2024-01-20 -1 NGN"])
        let days = "05-01-24,A,1,\n20-01-24,B,1,\n"
        #expect(read(headings + days).lines == ["2024-01-05 -1 NGN", "2024-01-20 -1 NGN"])
        let decades = (10...24).map { "01-02-\($0),A,1,\n25-02-\($0),B,1,\n" }.joined()
        #expect(read(headings + decades).lines.last == "2024-02-25 -1 NGN")
    }

    @Test("an answer that no date of the file can have is asked for again")
    func wrongAnswer() {
        #expect(read(headings + "01/02/2024,A,1,\n", .yearFirst).error?.code == .ambiguousDates)
        #expect(read(headings + "13/02/2024,A,1,\n", .yearFirst).lines == ["2024-02-13 -1 NGN"])
    }

    @Test("what waits for a date that decides is bounded")
    func bounded() {
        let text = headings + String(repeating: "01/02/2024,\(String(repeating: "x", count: 900)),1,\n", count: 6000)
        #expect(read(text).error?.code == .ambiguousDates)
    }
}

@Suite("Lines of a CSV")
struct CSVLineTests {
    private let headings = "Date,Narration,Debit,Credit,Balance\n"

    private func read(_ text: String) -> ParserPlay { ParserPlay(StatementReader(), text) }

    @Test("balances between rows, totals, blank lines and headings of each page are known; anything else is told")
    func others() {
        let told = read(
            headings
                + ",Opening Balance,,,100.00\n2024-01-01,Balance B/F,,,100.00\n"
                + "2024-01-02,Total Energies fuel,10,,90\n\n"
                + headings + "Page 2 of 3,,,,\n2024-01-03,B,,5,95\nTotal,,10,5,\nClosing balance,,,,95.00\n"
                + "This statement is computer generated,,,,\n")
        #expect(told.error == nil)
        #expect(told.lines == ["2024-01-02 -10 NGN", "2024-01-03 5 NGN"])
        #expect(told.closings.first?.opening?.amount.minor == 10_000)
        #expect(told.closings.first?.closing?.amount.minor == 9500)
        #expect(
            told.notes == [
                StatementNote(.notUnderstood, "A line is no transaction and nothing else that is known.", place: 11)
            ])
    }

    @Test("a line that says a debit and a credit is two rows; zeros are a row")
    func both() {
        let told = read(headings + "2024-01-01,A,5,7,102\n2024-01-02,B,0.00,0.00,102\n2024-01-03,C,0.00,1,103\n")
        #expect(told.rows.map(\.transaction.amount.minor) == [-500, 700, 0, 100])
        #expect(told.notes.isEmpty)
    }

    @Test("a line that says pending is pending, and one whose payment did not happen is left out and told")
    func states() {
        let told = read(
            "Type,Product,Started Date,Completed Date,Description,Amount,Fee,Currency,State,Balance\n"
                + "CARD_PAYMENT,Current,2024-01-29 10:00:00,2024-01-30 10:00:00,Shop,-5.00,0.00,EUR,COMPLETED,95.00\n"
                + "CARD_PAYMENT,Current,2024-01-30 10:00:00,,Hotel,-40.00,0.00,EUR,REVERTED,\n"
                + "CARD_PAYMENT,Current,2024-01-31 10:00:00,,Taxi,-7.00,0.00,EUR,PENDING,\n")
        #expect(told.error == nil)
        #expect(told.lines == ["2024-01-29 -5 EUR", "2024-01-31 -7 EUR"])
        #expect(told.rows.map(\.transaction.status) == [.booked, .pending])
        #expect(
            told.notes == [
                StatementNote(
                    .notUnderstood, "A line says that its payment did not happen; it is left out.", place: 3)
            ])
        #expect(told.closings.first?.closing?.amount.minor == 9500, "what is pending has moved no balance")
        #expect(told.closings.first?.period?.to == LocalDate("2024-01-31"))
    }

    @Test("a word of a status that is not known counts as booked and is told once; a profile may know others")
    func words() throws {
        let file = "Date,Narration,Amount,Status\n2024-01-30,A,1,En attente\n2024-01-31,B,2,En attente\n"
        let told = read(file)
        #expect(told.rows.map(\.transaction.status) == [.booked, .booked])
        #expect(told.notes.map(\.kind) == [.notUnderstood] && told.notes.first?.place == 2)
        let mine = #"""
            {"slug": "mine", "columns": {"date": ["date"], "text": ["narration"], "amount": ["amount"]},
             "pending_words": ["En attente"]}
            """#
        let own = ParserPlay(StatementReader(profiles: try CSVProfiles(files: [("mine.json", Array(mine.utf8))])), file)
        #expect(own.rows.map(\.transaction.status) == [.pending, .pending] && own.notes.isEmpty)
    }

    @Test("a file that stops within a line or a quote is truncated")
    func truncated() {
        #expect(read(headings + "2024-01-01,A,5,,100\n2024-01-02,B,5").error?.code == .truncated)
        #expect(read(headings + "2024-01-01,\"A,5,,100\n").error?.code == .truncated)
        #expect(read(headings + "2024-01-01,A,5,,100").rows.count == 1)
    }

    @Test("a first payment that is all of the balance is a row, whatever its words begin with")
    func firstPayment() {
        for words in ["Total Energies refund", "BFA transfer", "Page & Co salary", "Opening an account"] {
            #expect(read(headings + "2024-01-01,\(words),,50.00,50.00\n").lines == ["2024-01-01 50 NGN"])
        }
        #expect(read(headings + "2024-01-01,Opening balance,,50.00,50.00\n2024-01-02,A,1,,49\n").rows.count == 1)
    }

    @Test("quotes hold delimiters and lines, and one that opens nowhere is a letter")
    func quotes() {
        let told = read(headings + "2024-01-01,\"A, \"\"B\"\"\r\nC\",5,,\r\n2024-01-02,5\" pipe,5,,\r\n")
        #expect(told.rows.map(\.transaction.text) == ["A, \"B\" C", "5\" pipe"])
        #expect(told.rows.map(\.place) == [2, 4])
    }

    @Test("accounts of a column part the file into statements")
    func accounts() {
        let told = read(
            "Account Number,Date,Narration,Debit,Credit\n01,2024-01-01,A,1,\n01,2024-01-02,B,1,\n02,2024-01-01,C,1,\n")
        #expect(told.headers.map(\.accountNumber) == ["01", "02"])
        #expect(told.rows.count == 3 && told.closings.count == 2)
    }

    @Test("headings that nobody knows, a text that is no table, and headings without rows are refused")
    func refused() throws {
        #expect(ParserPlay(StatementReader(), try Sample.bytes("made/fail-headings.csv")).error?.code == .noProfile)
        #expect(read("Dear Sir, here is\nmy statement.\n").error?.code == .unknownFormat)
        #expect(read(headings).error?.code == .noRows)
        #expect(ParserPlay(StatementReader(profile: "nowhere"), headings).error?.code == .noProfile)
    }
}
