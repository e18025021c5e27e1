import ArgumentParser
import Connectors
import Domain
import Foundation

struct StatementCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "statement", abstract: "Statement files of banks: what a file holds, without storing anything.",
        subcommands: [Read.self, StatementProfilesCommand.self])

    struct Read: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read a statement (CSV, OFX, QFX, MT940, MT942, CAMT, or one of them in a zip) and show it.",
            discussion: """
                Nothing is stored and no server is needed. With --json each line is one event in the order of the \
                file: begin, row, end, note; the last is done or error. A file that is refused ends with status 1.
                """)
        @Argument(help: "The file, or - for standard input.") var file: String
        @Flag(help: "One JSON object a line instead of a summary.") var json = false
        @OptionGroup var data: DataOptions
        @Option(help: "The CSV profile to use, whatever the headings say.") var profile: String?
        @Option(help: "For dates such as 03/04/2024 or 24-04-03: day_first, month_first or year_first.")
        var dates: DateOrder?

        func run() async throws {
            let limits = StatementLimits()
            var shown = StatementOutput(isJSON: json)
            do throws(StatementError) {
                var reader = try parser(limits)
                try feed(&reader, &shown)
                shown.done()
            } catch {
                shown.refused(error)
                throw ExitCode(1)
            }
        }

        private func parser(_ limits: StatementLimits) throws(StatementError) -> any StatementParser {
            StatementReader(
                name: file == "-" ? nil : file, limits: limits, profiles: try data.statementProfiles(),
                dateOrder: dates,
                profile: profile)
        }

        private func feed(
            _ reader: inout any StatementParser, _ shown: inout StatementOutput
        ) throws(StatementError) {
            guard let handle = file == "-" ? .standardInput : FileHandle(forReadingAtPath: file) else {
                throw StatementError(.empty, "There is no file of this name that can be read.")
            }
            while let piece = try? handle.read(upToCount: Self.pieceBytes), !piece.isEmpty {
                let bytes = [UInt8](piece)
                try bytes.withUnsafeBufferPointer { buffer throws(StatementError) in
                    try reader.feed(UnsafeRawBufferPointer(buffer)) { event throws(StatementError) in
                        shown.tell(event)
                    }
                }
            }
            try reader.finish { event throws(StatementError) in shown.tell(event) }
        }

        private static let pieceBytes = 64 << 10
    }
}

extension DateOrder: ExpressibleByArgument {}

/// Shows a statement as it is read: all of it as lines of JSON, or what a person wants to know first.
private struct StatementOutput {
    let isJSON: Bool
    private var rows = 0
    private var statements = 0
    private var rowsHere = 0
    private var header: StatementHeader?
    private var first: StatementRow?
    private var last: StatementRow?
    private var notes: [StatementNote] = []
    private var notesMore = 0
    private var written: [UInt8] = []

    private static let notesMax = 20
    private static let writeBytes = 64 << 10

    init(isJSON: Bool) { self.isJSON = isJSON }

    mutating func tell(_ event: StatementEvent) {
        switch event {
        case .begin(let header):
            statements += 1
            (self.header, rowsHere, first, last) = (header, 0, nil, nil)
        case .row(let row):
            rows += 1
            rowsHere += 1
            if first == nil { first = row }
            last = row
        case .end(let closing):
            if !isJSON { summarise(closing) }
        case .note(let note):
            if notes.count < Self.notesMax { notes.append(note) } else { notesMore += 1 }
        }
        if isJSON { write(StatementJSON.event(event)) }
    }

    mutating func done() {
        if isJSON {
            write(StatementJSON.done(statements: statements, rows: rows))
            return flush()
        }
        showNotes()
        Console.say("\(statements) statements, \(rows) rows")
    }

    mutating func refused(_ error: StatementError) {
        if isJSON {
            write(StatementJSON.refused(error))
            flush()
        } else {
            showNotes()
        }
        FileHandle.standardError.write(Data("refused: \(error.description)\n".utf8))
    }

    private mutating func write(_ line: [UInt8]) {
        written += line
        written.append(10)
        if written.count >= Self.writeBytes { flush() }
    }

    private mutating func flush() {
        FileHandle.standardOutput.write(Data(written))
        written.removeAll(keepingCapacity: true)
    }

    private func summarise(_ closing: StatementClosing) {
        guard let header else { return }
        let code = header.currency == StatementHeader.noCurrency ? "" : " \(header.currency.code)"
        Console.say("account    \(header.accountNumber ?? "not named")\(code)  \(header.holderName ?? "")")
        if let period = closing.period ?? header.period { Console.say("period     \(period.from) to \(period.to)") }
        say("opening", closing.opening ?? header.opening)
        say("closing", closing.closing)
        Console.say("rows       \(rowsHere)")
        if let first { say("first", first) }
        if let last, rowsHere > 1 { say("last", last) }
        Console.say("")
    }

    private func say(_ name: String, _ balance: StatementBalance?) {
        guard let balance else { return }
        Console.say("\(name)    \(balance.amount.decimal) \(balance.amount.currency) on \(balance.on)")
    }

    private func say(_ name: String, _ row: StatementRow) {
        let transaction = row.transaction
        Console.say(
            "\(name.padding(toLength: 10, withPad: " ", startingAt: 0)) \(transaction.bookedOn)  "
                + "\(transaction.amount.decimal) \(transaction.amount.currency)  \(transaction.text)")
    }

    private func showNotes() {
        for note in notes {
            Console.say("note: \(note.message)\(note.place.map { " (at \($0))" } ?? "")")
        }
        if notesMore > 0 { Console.say("and \(notesMore) more notes") }
    }
}

/// The lines of `kubewa statement read --json`.
private enum StatementJSON {
    static func event(_ event: StatementEvent) -> [UInt8] {
        line { json in
            switch event {
            case .begin(let header): begin(header, &json)
            case .row(let row): self.row(row, &json)
            case .end(let closing): end(closing, &json)
            case .note(let note):
                json.member("event", "note")
                json.member("kind", note.kind.rawValue)
                json.member("message", note.message)
                json.member("place", note.place.map(Int64.init))
            }
        }
    }

    static func done(statements: Int, rows: Int) -> [UInt8] {
        line { json in
            json.member("event", "done")
            json.member("statements", statements)
            json.member("rows", rows)
        }
    }

    static func refused(_ error: StatementError) -> [UInt8] {
        line { json in
            json.member("event", "error")
            json.member("code", error.code.rawValue)
            json.member("message", error.message)
            json.member("place", error.place.map(Int64.init))
        }
    }

    private static func line(_ members: (inout JSONWriter) -> Void) -> [UInt8] {
        var json = JSONWriter()
        json.object(members)
        return json.bytes
    }

    private static func begin(_ header: StatementHeader, _ json: inout JSONWriter) {
        json.member("event", "begin")
        json.member("account_number", header.accountNumber)
        json.member("account_name", header.accountName)
        json.member("account_type", header.accountType)
        json.member("holder_name", header.holderName)
        json.member("bank_code", header.bankCode)
        json.member("currency", code(header.currency))
        json.member("number", header.number)
        json.member("from", header.period?.from.iso)
        json.member("to", header.period?.to.iso)
        balance("opening", header.opening, &json)
    }

    private static func row(_ row: StatementRow, _ json: inout JSONWriter) {
        let transaction = row.transaction
        json.member("event", "row")
        json.member("place", row.place)
        json.member("date", transaction.bookedOn.iso)
        json.member("value_date", row.valueOn?.iso)
        json.member("occurred_at", transaction.occurredAt)
        json.member("status", transaction.status.rawValue)
        json.member("amount", transaction.amount.decimal)
        json.member("amount_minor", transaction.amount.minor)
        json.member("currency", code(transaction.amount.currency))
        json.member("text", transaction.text)
        json.member("counterparty", transaction.counterparty)
        json.member("id", transaction.upstreamID)
        json.member("reference", transaction.reference)
        json.member("customer_reference", row.customerReference)
        json.member("bank_reference", row.bankReference)
        json.member("code", transaction.code)
        json.member("channel", transaction.channel)
        json.member("running_balance", transaction.runningBalance?.decimal)
    }

    private static func end(_ closing: StatementClosing, _ json: inout JSONWriter) {
        json.member("event", "end")
        json.member("from", closing.period?.from.iso)
        json.member("to", closing.period?.to.iso)
        balance("opening", closing.opening, &json)
        balance("closing", closing.closing, &json)
        balance("available", closing.available, &json)
    }

    private static func balance(_ name: StaticString, _ balance: StatementBalance?, _ json: inout JSONWriter) {
        guard let balance else { return json.null(name) }
        json.object(name) { json in
            json.member("amount", balance.amount.decimal)
            json.member("currency", code(balance.amount.currency))
            json.member("on", balance.on.iso)
        }
    }

    /// nil where the file names none.
    private static func code(_ currency: Currency) -> String? {
        currency == StatementHeader.noCurrency ? nil : currency.code
    }
}
