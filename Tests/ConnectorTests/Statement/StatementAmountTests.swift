import Connectors
import Domain
import Testing

@Suite("Absurd amounts in statements")
struct StatementAmountTests {
    private static func mt940(_ amount: String, opening: String = "1,00") -> String {
        """
        :20:S\r\n:25:0123456789\r\n:28C:1/1\r\n:60F:C240101NGN\(opening)\r\n\
        :61:240102C\(amount)NMSCNONREF\r\n:61:240102C\(amount)NMSCNONREF\r\n:62F:C240102NGN1,00\r\n-\r\n
        """
    }

    private static func ofx(_ amount: String, balance: String = "1.00") -> String {
        """
        OFXHEADER:100\r\nDATA:OFXSGML\r\nVERSION:102\r\nSECURITY:NONE\r\nENCODING:USASCII\r\nCHARSET:1252\r\n\
        COMPRESSION:NONE\r\nOLDFILEUID:NONE\r\nNEWFILEUID:NONE\r\n\r\n<OFX><BANKMSGSRSV1><STMTTRNRS><TRNUID>1\
        <STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>NGN<BANKACCTFROM><BANKID>1<ACCTID>0123456789\
        <ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST><DTSTART>20240101<DTEND>20240131<STMTTRN><TRNTYPE>CREDIT\
        <DTPOSTED>20240102<TRNAMT>\(amount)<FITID>1<NAME>x</STMTTRN></BANKTRANLIST><LEDGERBAL><BALAMT>\(balance)\
        <DTASOF>20240131</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
        """
    }

    private static func csv(_ amount: String, balance: String = "1.00") -> String {
        "Date,Description,Amount,Balance\r\n13/01/2024,x,\"\(amount)\",\"\(balance)\"\r\n"
            + "14/01/2024,x,\"\(amount)\",\"\(balance)\"\r\n"
    }

    private static func camt(_ amount: String) -> String {
        """
        <?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>\
        <GrpHdr><MsgId>1</MsgId><CreDtTm>2024-01-01T00:00:00</CreDtTm></GrpHdr><Stmt><Id>1</Id>\
        <CreDtTm>2024-01-01T00:00:00</CreDtTm><Acct><Id><Othr><Id>0123456789</Id></Othr></Id><Ccy>NGN</Ccy></Acct>\
        <Ntry><Amt Ccy="NGN">\(amount)</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2024-01-01</Dt>\
        </BookgDt></Ntry></Stmt></BkToCstmrStmt></Document>
        """
    }

    @Test(
        "an amount or a balance that no account holds is the file's mistake, in every format",
        arguments: [
            mt940("90000000000000000,00"), mt940("10000000000000,01"), mt940("1,00", opening: "10000000000000,01"),
            ofx("-92233720368547758.08"), ofx("1.00", balance: "-92233720368547758.08"), csv("10000000000000.01"),
            csv("-92233720368547758.07"), csv("1.00", balance: "10000000000000.01"), camt("10000000000000.01"),
            camt("92233720368547758.07"),
        ])
    func refused(_ text: String) {
        let told = ParserPlay(StatementReader(), text)
        #expect(told.error?.code == .malformed, "\(String(describing: told.error))")
        #expect(told.error?.message.contains("larger than 10000000000000") == true)
    }

    @Test(
        "the largest amount that is taken is taken, in every format",
        arguments: [
            mt940("10000000000000,00"), ofx("-10000000000000.00"), csv("10000000000000.00"), camt("10000000000000.00"),
        ])
    func taken(_ text: String) {
        let told = ParserPlay(StatementReader(), text)
        #expect(told.error == nil)
        #expect(told.rows.first?.transaction.amount.minor.magnitude == Money.takenMinorMax.magnitude)
    }
}
