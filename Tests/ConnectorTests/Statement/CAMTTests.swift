import Connectors
import Domain
import Testing

@Suite("CAMT messages")
struct CAMTTests {
    private func entry(_ inner: String) -> ParserPlay {
        let head = "<Acct><Id><IBAN>DE1</IBAN></Id><Ccy>EUR</Ccy></Acct>"
        return ParserPlay(CAMTParser(), message("<Stmt><Id>S</Id>\(head)<Ntry>\(inner)</Ntry></Stmt>"))
    }

    private func message(_ inner: String, before: String = "") -> String {
        before + "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.02'><BkToCstmrStmt>"
            + "<GrpHdr><CreDtTm>2024-02-01T08:00:00Z</CreDtTm></GrpHdr>\(inner)</BkToCstmrStmt></Document>"
    }

    private let booked = "<Sts>BOOK</Sts><BookgDt><Dt>2024-01-15</Dt></BookgDt>"

    @Test("an entry is one row with its day, signed amount, parties, purpose and references")
    func eighth() throws {
        let told = ParserPlay(CAMTParser(), try Sample.bytes("made/camt053-v8.xml"))
        #expect(told.error == nil)
        #expect(
            told.lines == [
                "2024-01-15 100 EUR", "2024-01-17 -30.5 EUR", "2024-01-15 20 EUR", "2024-01-15 0 EUR",
                "2024-01-20 -5 EUR",
                "2024-02-01 -7 EUR",
            ])
        let rows = told.rows
        #expect(
            rows.map(\.transaction.text) == [
                "Invoice 1 of January", "Salaries (2 payments)", "Reversal: Returner", "Free <&>", "", "",
            ])
        #expect(rows.map(\.transaction.reference) == ["B1", "N2", "E3", nil, nil, nil])
        #expect(rows.map(\.customerReference) == ["NOTPROVIDED", nil, "E3", nil, nil, nil])
        #expect(rows[0].transaction.counterparty == "ACME GmbH")
        #expect(rows[0].valueOn == LocalDate("2024-01-16"))
        #expect(rows[1].transaction.occurredAt?.iso == "2024-01-17T22:30:00.000Z")
        #expect(rows.map(\.transaction.status) == [.booked, .booked, .booked, .booked, .pending, .pending])
        #expect(rows.map(\.place) == [1, 2, 3, 4, 5, 6])
        #expect(told.notes.map(\.kind) == [.missing, .notUnderstood])
    }

    @Test("the account, period and balances stand in the header and at the end")
    func header() throws {
        let told = ParserPlay(CAMTParser(), try Sample.bytes("made/camt053-v8.xml"))
        let header = try #require(told.headers.first)
        #expect(header.accountNumber == "DE02120300000000202051")
        #expect(header.holderName == "Müller & Söhne")
        #expect(header.bankCode == "BYLADEM1001")
        #expect(header.number == "7")
        #expect(header.period?.from == LocalDate("2024-01-01") && header.period?.to == LocalDate("2024-01-31"))
        #expect(header.opening?.amount.decimal == "50")
        let closing = try #require(told.closings.first)
        #expect(closing.closing?.amount.decimal == "139.5")
        #expect(closing.available?.amount.decimal == "130")
    }

    @Test(
        "every version and envelope is read, with prefixes or without",
        arguments: [
            ("made/camt053-v13-prefixed.xml", StatementFormat.camt053, ["2024-01-15 100 EUR"]),
            ("made/camt052-v1.xml", .camt052, ["2024-01-15 -1.1 EUR"]),
            ("made/camt054-envelope.xml", .camt054, ["2024-01-15 3 EUR"]),
            ("made/camt053-latin1.xml", .camt053, ["2024-01-15 1 EUR"]),
            ("camt/camt052.v4.xml", .camt052, ["2007-10-18 -200000 SEK"]),
            ("camt/camt054.v4.xml", .camt054, ["2007-10-18 -200000 SEK"]),
            ("camt/camt053.v4.xml", .camt053, ["2014-12-31 8.85 EUR"]),
            ("camt/camt053.v2.multi.statement.xml", .camt053, ["2014-12-31 8.85 EUR", "2014-12-31 -7 EUR"]),
        ])
    func versions(file: String, format: StatementFormat, lines: [String]) throws {
        let bytes = try Sample.bytes(file)
        let told = ParserPlay(CAMTParser(), bytes)
        #expect(told.error == nil)
        #expect(told.lines == lines)
        #expect(Sample.dialect(bytes)?.format == format)
    }

    @Test(
        "encodings of one byte a character are read as the file names them",
        arguments: [
            ("made/camt053-latin9.xml", "5€"), ("made/camt053-latin2.xml", "Łódź"),
            ("made/camt053-windows1250.xml", "Łódź"),
        ])
    func charsets(file: String, reference: String) throws {
        let told = ParserPlay(CAMTParser(), try Sample.bytes(file))
        #expect(told.error == nil && told.notes.isEmpty)
        #expect(told.rows.map(\.bankReference) == [reference])
    }

    @Test("every byte of a named encoding is the character that it has there")
    func tables() throws {
        let latin2 = "ĄŁŚŹŻąłśźżĆćĘęŃńÓóČčŘřŠšŤťŽžŮůŐőŰűßđ˙"
        let bytes: [UInt8] = [
            0xA1, 0xA3, 0xA6, 0xAC, 0xAF, 0xB1, 0xB3, 0xB6, 0xBC, 0xBF, 0xC6, 0xE6, 0xCA, 0xEA, 0xD1, 0xF1, 0xD3, 0xF3,
            0xC8, 0xE8, 0xD8, 0xF8, 0xA9, 0xB9, 0xAB, 0xBB, 0xAE, 0xBE, 0xD9, 0xF9, 0xD5, 0xF5, 0xDB, 0xFB, 0xDF, 0xF0,
            0xFF,
        ]
        var file = try Sample.bytes("made/camt053-latin2.xml")
        let place = try #require(file.firstRange(of: Array("AcctSvcrRef>".utf8)))
        let end = try #require(file.firstRange(of: Array("</AcctSvcrRef".utf8)))
        file.replaceSubrange(place.upperBound..<end.lowerBound, with: bytes)
        #expect(ParserPlay(CAMTParser(), file).rows.first?.bankReference == latin2)
        let wide: [UInt8] = [0x80, 0x8C, 0x9C, 0xA5, 0xB9, 0x8F, 0x9F, 0xFF]
        var other = try Sample.bytes("made/camt053-windows1250.xml")
        let from = try #require(other.firstRange(of: Array("AcctSvcrRef>".utf8)))
        let to = try #require(other.firstRange(of: Array("</AcctSvcrRef".utf8)))
        other.replaceSubrange(from.upperBound..<to.lowerBound, with: wide)
        #expect(ParserPlay(CAMTParser(), other).rows.first?.bankReference == "€ŚśĄąŹź˙")
    }

    @Test("characters of an older encoding are read as they are meant")
    func latin() throws {
        let told = ParserPlay(CAMTParser(), try Sample.bytes("made/camt053-latin1.xml"))
        #expect(told.rows.first?.transaction.text == "Grüße")
        #expect(told.notes.isEmpty)
    }

    @Test(
        "what an entry's day, amount or sign depends on must be there",
        arguments: [
            "<CdtDbtInd>CRDT</CdtDbtInd>", "<Amt Ccy='EUR'>1</Amt>",
            "<Amt Ccy='EUR'>1</Amt><CdtDbtInd>BOTH</CdtDbtInd>", "<Amt Ccy='EUR'>-1</Amt><CdtDbtInd>CRDT</CdtDbtInd>",
            "<Amt Ccy='EUR'>1,5</Amt><CdtDbtInd>CRDT</CdtDbtInd>",
            "<Amt Ccy='EUR'>1.234</Amt><CdtDbtInd>CRDT</CdtDbtInd>",
            "<Amt Ccy='euros'>1</Amt><CdtDbtInd>CRDT</CdtDbtInd>",
            "<Amt Ccy='EUR'>99999999999999999999</Amt><CdtDbtInd>CRDT</CdtDbtInd>",
        ])
    func malformed(inner: String) {
        let told = entry(inner + booked)
        #expect(told.error?.code == .malformed)
        #expect(told.error?.place == 1)
        #expect(told.rows.isEmpty)
    }

    @Test("a day that no calendar has refuses the file, and so does a booking without any day where none can be taken")
    func days() {
        let amount = "<Amt Ccy='EUR'>1</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>"
        #expect(entry(amount + "<BookgDt><Dt>2024-02-30</Dt></BookgDt>").error?.code == .malformed)
        #expect(entry(amount).lines == ["2024-02-01 1 EUR"])
        #expect(entry(amount).notes.map(\.kind) == [.missing])
    }

    @Test("more decimals are taken where they are zero, and a currency has as many as it has")
    func decimals() {
        #expect(
            entry("<Amt Ccy='EUR'>8.85000</Amt><CdtDbtInd>CRDT</CdtDbtInd>" + booked).lines == ["2024-01-15 8.85 EUR"])
        let yen = entry("<Amt Ccy='JPY'>2700</Amt><CdtDbtInd>DBIT</CdtDbtInd>" + booked)
        #expect(yen.rows.first?.transaction.amount.minor == -2700)
        // An account is kept in one currency; a row in another one is told.
        #expect(yen.notes.map(\.kind) == [.notUnderstood])
    }

    @Test("a message without a statement, and one of another kind, are refused")
    func wrong() throws {
        #expect(ParserPlay(CAMTParser(), try Sample.bytes("camt/camt053.v2.wrong.xml")).error?.code == .malformed)
        #expect(ParserPlay(CAMTParser(), try Sample.bytes("made/fail-pain.xml")).error?.code == .unknownFormat)
    }

    @Test("the same is told whatever the pieces", arguments: [1, 2, 7, 64, 1000])
    func pieces(bytes: Int) throws {
        for file in ["made/camt053-v8.xml", "camt/camt053.v2.multi.statement.xml", "made/camt053-latin1.xml"] {
            let whole = try Sample.bytes(file)
            #expect(ParserPlay(CAMTParser(), whole, pieceBytes: bytes) == ParserPlay(CAMTParser(), whole))
        }
    }
}

@Suite("XML of statements")
struct XMLReaderTests {
    private func refusal(_ text: String, limits: StatementLimits = StatementLimits()) -> StatementError.Code? {
        ParserPlay(CAMTParser(limits: limits), text).error?.code
    }

    @Test(
        "a document type is refused before anything of it is read",
        arguments: [
            "<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><d>&x;</d>", "<!DOCTYPE html><d/>",
            "<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY lol 'lol'><!ENTITY l2 '&lol;&lol;'>]><lolz>&l2;</lolz>",
            "<d><!ENTITY x 'y'></d>",
        ])
    func types(text: String) {
        #expect(refusal(text) == .bomb)
    }

    @Test(
        "what is no XML is refused",
        arguments: [
            "<a><b></a></b>", "<a></a><b></b>", "<a>", "text", "<a x=1/>", "<a x='1' x='2'/>", "<a>&unknown;</a>", "<>",
            "< a/>",
            "<a>&#0;</a>", "<a>\u{1}</a>", "<a x='<'/>", "<a/>text", "<1/>",
        ])
    func broken(text: String) {
        #expect([.malformed, .truncated].contains(refusal(text)))
    }

    @Test("nesting, texts and tags are capped")
    func caps() {
        let deep = String(repeating: "<a>", count: 100)
        #expect(refusal(deep) == .bomb)
        #expect(refusal("<a>" + String(repeating: "x", count: 70_000) + "</a>") == .tooLarge)
        #expect(refusal("<a " + String(repeating: "x", count: 70_000)) == .tooLarge)
        #expect(refusal("<a><![CDATA[" + String(repeating: "x", count: 70_000)) == .tooLarge)
        // Comments and instructions are passed over and may be as long as they like.
        #expect(
            refusal(
                "<a><!--" + String(repeating: "x", count: 70_000) + "--><?p " + String(repeating: "x", count: 70_000)
                    + "?></a>") == .unknownFormat)
    }

    @Test("an encoding whose letters are not known is refused")
    func encoding() {
        #expect(refusal("<?xml version='1.0' encoding='EUC-JP'?><a/>") == .encoding)
    }
}
