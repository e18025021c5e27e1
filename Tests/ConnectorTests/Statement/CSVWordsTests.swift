import Connectors
import Domain
import Testing

@Suite("What people and spreadsheets write in CSV statements")
struct CSVWordsTests {
    private func read(_ text: String, dates: DateOrder? = .dayFirst) -> ParserPlay {
        ParserPlay(StatementReader(dateOrder: dates), text)
    }

    @Test(
        "a column that says debit or credit decides the sign, whatever it is called",
        arguments: [
            ("Date,Type,Amount,Description", "31/01/2024,Debit,5.00,Rent"),
            ("Date,Description,Transaction Type,Amount", "31/01/2024,Rent,DEBIT,5.00"),
            ("Date,Description,Type,Amount,Balance", "31/01/2024,Rent,DR,5.00,95.00"),
            ("Date,Name,Type,Amount,Description", "31/01/2024,Ada,Debit,5.00,Rent"),
        ])
    func directions(headings: String, line: String) {
        #expect(read("\(headings)\n\(line)\n").lines == ["2024-01-31 -5 NGN"])
    }

    @Test("a column `type` that says a kind of payment leaves the sign to the amount")
    func kinds() {
        #expect(read("Date,Type,Amount,Description\n31/01/2024,Transfer,-5.00,Rent\n").lines == ["2024-01-31 -5 NGN"])
    }

    @Test(
        "a sign or a code at an amount is its currency",
        arguments: [
            ("\"$5,000.00\"", "5000 USD"), ("€7.00", "7 EUR"), ("8.00 GBP", "8 GBP"),
            ("\"-1.234,50 €\"", "-1234.5 EUR"),
            ("N9.00", "9 NGN"), ("10.00", "10 NGN"),
        ])
    func signs(field: String, told: String) {
        #expect(read("Date,Narration,Amount\n31/01/2024,x,\(field)\n").lines == ["2024-01-31 \(told)"])
    }

    @Test("a currency is also known by its name, in a line before the headings, in a column, and in a heading")
    func names() {
        let row = "Date,Narration,Amount\n31/01/2024,x,1.00\n"
        #expect(read("Currency: US Dollar\n" + row).lines == ["2024-01-31 1 USD"])
        #expect(read("Currency,Pound Sterling\n" + row).lines == ["2024-01-31 1 GBP"])
        #expect(
            read("Date,Narration,Amount,Currency\n31/01/2024,x,1.00,Euro\n").lines == ["2024-01-31 1 EUR"])
        #expect(
            read("Date,Narration,Debit(USD),Credit(USD)\n31/01/2024,x,,1.00\n").lines == ["2024-01-31 1 USD"])
    }

    @Test("a currency that is not known is told once, and the usual one is taken")
    func unknown() {
        let told = read("Currency: Cowries\nDate,Narration,Amount\n31/01/2024,x,1.00\n01/02/2024,y,2.00\n")
        #expect(told.lines == ["2024-01-31 1 NGN", "2024-02-01 2 NGN"])
        #expect(told.notes.map(\.kind) == [.notUnderstood])
    }

    @Test("ordinals are days; a line with an amount and no date is refused, never dropped")
    func dates() {
        let headings = "Date,Narration,Amount\n30/01/2024,A,1.00\n"
        #expect(read(headings + "31st Jan 2024,B,10.00\n").lines.last == "2024-01-31 10 NGN")
        #expect(read(headings + "Jan 3rd 2024,B,10.00\n").lines.last == "2024-01-03 10 NGN")
        for line in [",B,10.00", "soon,B,10.00"] {
            let told = read(headings + line + "\n")
            #expect(told.error?.code == .malformed && told.error?.place == 3)
        }
        #expect(read(headings + "Total,,1.00\n").error == nil)
        #expect(read(headings + "Thank you for banking with us,,\n").error == nil)
    }

    @Test(
        "an account number is told without what stands around it, and not at all where it is hidden or spoilt",
        arguments: [
            ("ADA OBI - 0123456789 (NGN)", "0123456789"), ("'0123456789", "0123456789"), ("123456789", "0123456789"),
            ("0123 456 789", "0123456789"), ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
            ("012****789", nil), ("XXXXXX6789", nil), ("1.23E+08", nil),
        ] as [(String, String?)])
    func accounts(text: String, number: String?) {
        let told = read("Account Number: \(text)\nDate,Narration,Amount\n31/01/2024,x,1.00\n")
        #expect(told.error == nil)
        #expect(told.headers.first?.accountNumber == number)
    }

    @Test("a reference is kept as written, without the apostrophe of a spreadsheet")
    func references() {
        let told = read("Date,Narration,Reference,Amount\n31/01/2024,x,'000123  B,1.00\n")
        #expect(told.rows.first?.customerReference == "000123  B")
    }

    @Test("headings that any bank may use do not decide between day and month")
    func asks() {
        for text in [
            "Posting Date,Value Date,Description,Debit,Credit,Balance\n03/04/2024,03/04/2024,x,,1.00,1.00\n",
            "Trans Date,Value Date,Narration,Cheque No,Debit,Credit,Balance\n03/04/2024,03/04/2024,x,1,,1.00,1.00\n",
            "Transaction Date,Transaction Detail,Money In,Money Out,Transaction ID\n03/04/2024,x,1.00,,7\n",
        ] {
            #expect(read(text, dates: nil).error?.code == .ambiguousDates)
        }
        let named = "Stanbic IBTC Bank\nPosting Date,Value Date,Description,Debit,Credit,Balance\n"
        #expect(read(named + "03/04/2024,03/04/2024,x,,1.00,1.00\n", dates: nil).lines == ["2024-04-03 1 NGN"])
    }
}
