import Connectors
import Domain
import Foundation

/// Statement files: rows a second through the reader that also finds the format out and checks balances, for a file of
/// 100 MB of each format, with the most memory that the process needed meanwhile. The file is made in pieces as an
/// upload comes and is never held as a whole.
enum Statements {
    private static let fileBytes = 100 << 20
    private static let pieceBytes = 64 << 10

    private struct Kind {
        let name: String
        let file: String
        let head: String
        let row: @Sendable (Int) -> String
        let tail: @Sendable (Int) -> String
    }

    static func run() throws {
        print("Statement files of \(fileBytes >> 20) MB in pieces of \(pieceBytes >> 10) KiB")
        let before = peakMiB()
        for kind in kinds {
            resetPeak()
            let start = ContinuousClock.now
            let (rows, bytes, making) = try play(kind)
            let spent = seconds(ContinuousClock.now - start - making)
            print(
                "  " + kind.name.padding(toLength: 9, withPad: " ", startingAt: 0)
                    + "\(rounded(Double(rows) / spent)) rows/s"
                    + "  \(rounded(Double(bytes) / spent / 1e6)) MB/s  \(rows) rows  peak \(peakMiB()) MiB")
        }
        print("  the process itself before: \(before) MiB\n")
    }

    private static func play(_ kind: Kind) throws -> (rows: Int, bytes: Int, making: Duration) {
        var limits = StatementLimits()
        limits.rowsMax = .max
        var reader = StatementReader(name: kind.file, limits: limits)
        var (rows, bytes, made, making) = (0, 0, 0, Duration.zero)
        func tell(_ event: StatementEvent) { if case .row = event { rows += 1 } }
        func feed(_ text: String) throws(StatementError) {
            let piece = Array(text.utf8)
            bytes += piece.count
            try piece.withUnsafeBufferPointer { buffer throws(StatementError) in
                try reader.feed(UnsafeRawBufferPointer(buffer)) { event throws(StatementError) in tell(event) }
            }
        }
        try feed(kind.head)
        while bytes < fileBytes {
            let start = ContinuousClock.now
            var piece = ""
            while piece.utf8.count < pieceBytes {
                piece += kind.row(made)
                made += 1
            }
            making += ContinuousClock.now - start
            try feed(piece)
        }
        try feed(kind.tail(made))
        try reader.finish { event throws(StatementError) in tell(event) }
        guard rows == made else { fatalError("\(kind.name): \(rows) rows of \(made)") }
        return (rows, bytes, making)
    }

    private static let kinds: [Kind] = [
        Kind(
            name: "CSV", file: "a.csv", head: "Date,Reference,Narration,Debit,Credit,Balance\n",
            row: { "2024-01-02,REF\($0),\"TRANSFER TO ADA, OBI\",\"1,234.50\",,\n" }, tail: { _ in "" }),
        Kind(
            name: "OFX", file: "a.ofx",
            head: "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nCHARSET:1252\n\n<OFX><BANKMSGSRSV1><STMTTRNRS><STATUS>"
                + "<CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>NGN<BANKACCTFROM><BANKID>058<ACCTID>0001112223"
                + "<ACCTTYPE>SAVINGS</BANKACCTFROM><BANKTRANLIST><DTSTART>20240101<DTEND>20240131\n",
            row: {
                "<STMTTRN>\n<TRNTYPE>DEBIT\n<DTPOSTED>20240102093000[+1:WAT]\n<TRNAMT>-1234.50\n<FITID>F\($0)\n"
                    + "<NAME>ADA OBI\n<MEMO>TRANSFER TO ADA OBI\n</STMTTRN>\n"
            },
            tail: { _ in
                "</BANKTRANLIST><LEDGERBAL><BALAMT>0<DTASOF>20240131</LEDGERBAL>"
                    + "</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
            }),
        Kind(
            name: "MT940", file: "a.sta", head: ":20:BENCH\r\n:25:0001112223\r\n:28C:1/1\r\n:60F:C240101NGN0,\r\n",
            row: {
                ":61:2401020102D1234,50NTRFREF\($0)//BANK\($0)\r\n"
                    + ":86:020?00TRANSFER?20EREF+E\($0)?21SVWZ+TRANSFER TO ADA OBI?32ADA OBI\r\n"
            },
            tail: { count in
                // Each row is 1234,50 out of an account that began with nothing.
                ":62F:D240131NGN\(count * 2469 / 2),\(count % 2 == 0 ? "00" : "50")\r\n-\r\n"
            }),
        Kind(
            name: "CAMT.053", file: "a.xml",
            head:
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                + "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\">"
                + "<BkToCstmrStmt><GrpHdr><MsgId>1</MsgId></GrpHdr><Stmt><Id>1</Id><Acct><Id><Othr><Id>0001112223</Id>"
                + "</Othr></Id><Ccy>NGN</Ccy></Acct>\n",
            row: {
                "<Ntry><Amt Ccy=\"NGN\">1234.50</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt>"
                    + "<Dt>2024-01-02</Dt></BookgDt><ValDt><Dt>2024-01-02</Dt></ValDt><AcctSvcrRef>B\($0)</AcctSvcrRef>"
                    + "<NtryDtls><TxDtls><Refs><EndToEndId>E\($0)</EndToEndId></Refs>"
                    + "<RltdPties><Cdtr><Pty><Nm>ADA OBI</Nm>"
                    + "</Pty></Cdtr></RltdPties><RmtInf><Ustrd>TRANSFER TO ADA OBI</Ustrd></RmtInf>"
                    + "</TxDtls></NtryDtls></Ntry>\n"
            },
            tail: { _ in "</Stmt></BkToCstmrStmt></Document>" }),
    ]

    /// The most memory since `resetPeak`, as Linux tells it.
    private static func peakMiB() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) >> 10
    }

    private static func resetPeak() {
        guard let handle = FileHandle(forWritingAtPath: "/proc/self/clear_refs") else { return }
        handle.write(Data("5".utf8))
    }
}
