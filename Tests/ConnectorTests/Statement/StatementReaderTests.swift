import Connectors
import Domain
import Testing

@Suite("Zipped statements")
struct ZipTests {
    @Test(
        "a zip with one statement is that statement, whatever packed it",
        arguments: [
            ("zip-deflated.zip", "csv-access.csv"), ("zip-stored.zip", "mt940-swift.sta"),
            ("zip-descriptor.zip", "csv-access.csv"), ("zip-descriptor64.zip", "csv-access.csv"),
        ])
    func unwraps(zip: String, file: String) throws {
        let bytes = try Sample.bytes("made/\(zip)")
        let told = ParserPlay(StatementReader(), bytes)
        #expect(told == ParserPlay(StatementReader(), try Sample.bytes("made/\(file)")))
        #expect(told.error == nil && !told.rows.isEmpty)
        #expect(Sample.dialect(bytes)?.isZipped == true)
        for size in [1, 2, 13, 100] { #expect(ParserPlay(StatementReader(), bytes, pieceBytes: size) == told) }
    }

    @Test(
        "no account numbers, a password, a zip in a zip, nothing, damage, a spreadsheet and a bomb are refused",
        arguments: [
            ("fail-zip-several.zip", StatementError.Code.archive), ("fail-zip-locked.zip", .archive),
            ("fail-zip-nested.zip", .archive), ("fail-zip-nested-hidden.zip", .archive),
            ("fail-zip-none.zip", .archive),
            ("fail-zip-damaged.zip", .archive), ("fail-zip-cut.zip", .truncated), ("fail-zip-xlsx.csv", .wrongKind),
            ("fail-zip-bomb.zip", .bomb),
        ])
    func refused(zip: String, code: StatementError.Code) throws {
        let bytes = try Sample.bytes("made/\(zip)")
        let told = ParserPlay(StatementReader(), bytes)
        #expect(told.error?.code == code)
        #expect(ParserPlay(StatementReader(), bytes, pieceBytes: 7).error?.code == code)
    }
}

@Suite("Zips of several statements")
struct ZipFilesTests {
    private func play(_ files: [(String, String)], pieceBytes: Int = .max) -> ParserPlay {
        ParserPlay(StatementReader(), StoredZip.bytes(files), pieceBytes: pieceBytes)
    }

    private func statement(_ day: String, account: String = "0123456789") -> String {
        ":20:X\n:25:\(account)\n:60F:C\(day)NGN5,\n:61:\(day)C1,NTRFX\n:62F:C\(day)NGN6,\n-\n"
    }

    @Test("several statements are read one after another as one file, however it comes")
    func several() throws {
        let told = ParserPlay(StatementReader(), try Sample.bytes("made/zip-two-files.zip"))
        #expect(told.error == nil && told.headers.count == 2 && told.rows.count == 2)
        let files = [("a.sta", statement("240102")), ("__MACOSX/a.sta", "x"), ("b.sta", statement("240103"))]
        let both = play(files)
        #expect(both.lines == ["2024-01-02 1 NGN", "2024-01-03 1 NGN"] && both.error == nil)
        for size in [1, 7, 64] { #expect(play(files, pieceBytes: size) == both) }
        #expect(both.notes.map(\.kind) == [.openingMismatch], "the second does not begin where the first ends")
        #expect(both.notes.first?.message.hasPrefix("File 2 of the zip: ") == true)
    }

    @Test("what is wrong with one of them is said of that one")
    func wrong() {
        let cut = play([("a.sta", statement("240102")), ("b.sta", String(statement("240103").prefix(60)))])
        #expect(cut.error?.code == .truncated && cut.error?.message.hasPrefix("File 2 of the zip: ") == true)
        let first = play([("a.sta", String(statement("240103").prefix(60))), ("b.sta", statement("240102"))])
        #expect(first.error?.code == .truncated && first.error?.message.contains("zip") == false)
        let mixed = play([("a.sta", statement("240102")), ("b.csv", "Date,Narration,Debit,Credit\n2024-01-13,A,1,\n")])
        #expect(mixed.error?.code == .archive)
        let pdf = play([("a.sta", statement("240102")), ("b.pdf", "%PDF-1.7 words")])
        #expect(pdf.error?.code == .wrongKind)
        let many = (0...100).map { ("\($0).sta", statement("240102")) }
        #expect(play(many).error?.code == .tooLarge)
        #expect(play(Array(many.dropLast())).rows.count == 100)
        let empty = play([("a.sta", ""), ("b.sta", statement("240102")), ("c.sta", "")])
        #expect(empty.error == nil && empty.rows.count == 1)
    }

    @Test("all of them together are held to the limits of one file")
    func limits() {
        var limits = StatementLimits()
        limits.rowsMax = 3
        let zip = StoredZip.bytes((0..<4).map { ("\($0).sta", statement("240102")) })
        #expect(ParserPlay(StatementReader(limits: limits), zip).error?.code == .tooLarge)
        limits.rowsMax = 4
        #expect(ParserPlay(StatementReader(limits: limits), zip).rows.count == 4)
        limits.bytesMax = 300
        #expect(ParserPlay(StatementReader(limits: limits), zip).error?.code == .tooLarge)
    }
}

@Suite("What a statement file is")
struct StatementReaderTests {
    @Test(
        "other kinds of file are refused by what they are, whatever their name",
        arguments: [
            ("%PDF-1.7\n", "a PDF"), ("\n\n%PDF-1.4 junk", "a PDF"), ("<!DOCTYPE html><html>", "a web page"),
            ("<html><body>Sign in", "a web page"), ("{\\rtf1 text", "a document"), ("GIF89a....", "a picture"),
            ("<?xml version='1.0'?><Workbook xmlns='urn:schemas-microsoft-com:office:spreadsheet'>", "a spreadsheet"),
        ])
    func kinds(text: String, told: String) {
        let error = ParserPlay(StatementReader(name: "statement.csv"), text).error
        #expect(error?.code == .wrongKind)
        #expect(error?.message.contains(told) == true)
        #expect(error?.message.contains("CSV") == true)
    }

    @Test("pictures and old spreadsheets are known by their first bytes")
    func binary() {
        let heads: [[UInt8]] = [
            [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1], [0x89, 0x50, 0x4E, 0x47, 13, 10], [0xFF, 0xD8, 0xFF, 0xE0],
            [0x1F, 0x8B, 8, 0],
        ]
        for head in heads {
            #expect(ParserPlay(StatementReader(), head + [UInt8](repeating: 0, count: 50)).error?.code == .wrongKind)
        }
        #expect(ParserPlay(StatementReader(), [UInt8](repeating: 7, count: 300)).error?.code == .unknownFormat)
        #expect(ParserPlay(StatementReader(), #"{"a": 1}"#).error?.code == .unknownFormat)
        for empty in ["", "\n \r\n", "\u{FEFF}"] {
            #expect(ParserPlay(StatementReader(), empty).error?.code == .empty)
        }
    }

    @Test(
        "the format is known by its text, not by its name",
        arguments: [
            ("mt940/abnamro.sta", StatementFormat.mt940), ("mt940/rabobank-iban.sta", .mt940),
            ("made/mt942-intraday.sta", .mt942), ("made/mt940-swift.sta", .mt940), ("ofx/bank_small.ofx", .ofx),
            ("made/ofx-noheader.qfx", .ofx), ("camt/camt053.v4.xml", .camt053), ("made/csv-kuda.csv", .csv),
        ])
    func formats(file: String, format: StatementFormat) throws {
        #expect(Sample.dialect(try Sample.bytes(file), name: "export.bin")?.format == format)
    }

    @Test("UTF-16, a mark before UTF-8 and Windows-1252 are read as they are meant; a mix is told")
    func encodings() throws {
        let wide = try Sample.bytes("made/csv-utf16.csv")
        let told = ParserPlay(StatementReader(), wide)
        #expect(told.rows.first?.transaction.text == "Café Lagos ₦" && told.lines == ["2024-01-13 -1000 NGN"])
        #expect(Sample.dialect(wide)?.encoding == "utf-16")
        #expect(ParserPlay(StatementReader(), wide, pieceBytes: 1) == told)
        let mixed = try Sample.bytes("made/csv-mixed.csv")
        let both = ParserPlay(StatementReader(), mixed)
        #expect(both.rows.map(\.transaction.text) == ["Café", "Café"])
        #expect(both.notes.map(\.kind) == [.encoding])
        #expect(Sample.dialect(mixed)?.encoding == "windows-1252")
        let marked = [0xEF, 0xBB, 0xBF] + (try Sample.bytes("made/csv-access.csv"))
        #expect(ParserPlay(StatementReader(), marked).rows.count == 2)
    }

    @Test("a running balance that does not follow is noted where it stands, once")
    func balances() throws {
        let told = ParserPlay(StatementReader(), try Sample.bytes("made/csv-balance-wrong.csv"))
        #expect(told.notes.map(\.kind) == [.balanceMismatch, .closingMismatch])
        #expect(told.notes.first?.place == 4)
        #expect(told.rows.count == 4)
        let right = ParserPlay(StatementReader(), try Sample.bytes("made/csv-newest-first.csv"))
        #expect(right.notes.isEmpty)
    }

    @Test("opening balance and rows that do not give the closing balance are noted")
    func closing() {
        let rows = ":61:2401020102C5,NTRFX\n:62F:C240102EUR"
        let head = ":20:X\n:25:1\n:60F:C240101EUR10,\n"
        #expect(ParserPlay(StatementReader(), head + rows + "15,\n-\n").notes.isEmpty)
        let wrong = ParserPlay(StatementReader(), head + rows + "16,\n-\n").notes
        #expect(wrong.map(\.kind) == [.closingMismatch] && wrong.first?.place == 4)
    }

    @Test("a statement is held against the one before of its account, whichever is the newest")
    func chain() throws {
        let gap = ParserPlay(StatementReader(), try Sample.bytes("made/mt940-gap.sta")).notes
        #expect(gap.map(\.kind) == [.openingMismatch] && gap.first?.place == 21)
        #expect(gap.first?.message.contains("Statement 3") == true)
        #expect(ParserPlay(StatementReader(), try Sample.bytes("made/mt940-newest-first.sta")).notes.isEmpty)
        let one = ":20:X\n:25:1\n:60F:C240101EUR1,\n:62F:C240102EUR1,\n-\n"
        let other = one.replacing(":25:1\n", with: ":25:2\n").replacing("EUR1,", with: "EUR7,")
        #expect(ParserPlay(StatementReader(), one + other + one).notes.isEmpty, "each account has its own")
    }

    @Test("a stated opening balance that the oldest running balance does not follow from is noted where that stands")
    func opening() {
        let head = "Account Number:,0123456789\nOpening Balance:,%\nDate,Narration,Debit,Credit,Balance\n"
        let rows = ["13/01/2024,A,10.00,,90.00", "14/01/2024,B,,5.00,95.00"]
        func notes(_ opening: String, _ rows: [String]) -> [StatementNote] {
            ParserPlay(StatementReader(), head.replacing("%", with: opening) + rows.joined(separator: "\n") + "\n")
                .notes
        }
        #expect(notes("100.00", rows).isEmpty)
        #expect(notes("100.00", rows.reversed()).isEmpty)
        #expect(notes("70.00", rows).first?.kind == .openingMismatch)
        #expect(notes("70.00", rows).first?.place == 4)
        #expect(notes("70.00", rows.reversed()).first?.place == 5)
    }

    @Test("a file is held to its limits")
    func limits() {
        let text = "Date,Narration,Debit,Credit\n" + String(repeating: "2024-01-01,A,1,\n", count: 100)
        func code(_ change: (inout StatementLimits) -> Void) -> StatementError.Code? {
            var limits = StatementLimits()
            change(&limits)
            return ParserPlay(StatementReader(limits: limits), text).error?.code
        }
        #expect(code { _ in } == nil)
        #expect(code { $0.bytesMax = 500 } == .tooLarge)
        #expect(code { $0.rowsMax = 99 } == .tooLarge)
        #expect(code { $0.statementsMax = 0 } == .tooLarge)
        #expect(code { $0.fieldBytesMax = 10 } != nil)
        var limits = StatementLimits()
        limits.notesMax = 3
        var reader = StatementReader(limits: limits)
        var notes = 0
        let noisy = text + String(repeating: "no line,,,\n", count: 10)
        func take(_ event: StatementEvent) { if case .note = event { notes += 1 } }
        do throws(StatementError) {
            try Array(noisy.utf8).withUnsafeBufferPointer { bytes throws(StatementError) in
                try reader.feed(UnsafeRawBufferPointer(bytes)) { event throws(StatementError) in take(event) }
            }
            try reader.finish { event throws(StatementError) in take(event) }
        } catch {
            Issue.record(error)
        }
        #expect(notes == 3 && reader.notesDropped == 7 && reader.rows == 100 && reader.statements == 1)
    }
}
