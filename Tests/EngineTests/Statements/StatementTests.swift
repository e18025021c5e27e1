import Domain
import Engine
import Storage
import TestKit
import Testing

@Suite("Statements")
struct StatementTests {
    static let january = Statement([
        ("240102", 5_000_00, "Salary of January"), ("240105", -120_50, "Airtime"), ("240105", -120_50, "Airtime"),
        ("240109", -900_00, "Rent"),
    ])

    @Test("an uploaded statement is shown, and after a yes it is a connection with account, balance, rows and events")
    func links() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            _ = try await world.services.endpoints.set(
                in: world.production, url: World.webhookURL, payload: .thin, token: nil)
            let view = try await world.upload(Self.january.text)
            guard case .confirmStatement(let preview) = view.step else {
                Issue.record("the step is \(view.step)")
                return
            }
            let account = try #require(preview.accounts.first)
            #expect(preview.format == "mt940" && preview.accounts.count == 1 && account.rows == 4)
            #expect(account.mask == "6789" && account.opening?.minor == 100_000)
            #expect(account.closing?.minor == 485_900)
            let done = try await world.confirm(view)
            #expect(done.status == .done)
            let id = try #require(done.connectionID)
            try await world.settle()
            let rows = try await world.rows(id)
            #expect(rows.map(\.amount.minor) == [5_000_00, -120_50, -120_50, -900_00])
            let scope = world.production.scope
            let (accounts, connection, left) = try await database.read { db in
                (
                    try AccountStore.list(ID(trusted: id), scope, db),
                    try ConnectionStore.find(ID(trusted: id), scope, db),
                    try StatementStore.waiting(ID(trusted: id), scope, db)
                )
            }
            #expect(accounts.map(\.ledgerMinor) == [account.closing?.minor])
            #expect(connection?.connector == "file" && left.isEmpty)
            #expect(try world.webhooks.bodies("auth.success").count == 1)
            #expect(try world.webhooks.bodies("accounts.success").count == 1)
            #expect(try world.webhooks.bodies("balance.success").count == 1)
            #expect(try world.webhooks.bodies("transaction.success").count == 1)
        }
    }

    @Test("the next statement of the account adds what is new, and overlapping rows stay one")
    func overlaps() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let first = try await world.linkStatement(Self.january.text)
            let id = try #require(first.connectionID)
            let second = Statement(
                [
                    ("240105", -120_50, "Airtime"), ("240105", -120_50, "Airtime"), ("240109", -900_00, "Rent"),
                    ("240112", 70_00, "Refund"),
                ], opening: 600_000)
            let view = try await world.services.statements.upload(
                connection: id, in: world.production, StatementOptions(), FilePieces(second.text))
            #expect(view.preview?.accounts.first?.contradictions.isEmpty == true)
            _ = try await world.services.statements.confirm(view.id, StatementChoice(), in: world.production)
            try await world.settle()
            let rows = try await world.rows(id)
            #expect(rows.map(\.amount.minor) == [5_000_00, -120_50, -120_50, -900_00, 70_00])
            let shown = try await world.services.statements.find(view.id, in: world.production)
            #expect(shown.stateName == "imported" && shown.preview == nil)
        }
    }

    @Test("the same file again is told as known and doubles nothing, also when it comes twice at once")
    func sameFile() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let one = try await world.upload(Self.january.text)
            let two = try await world.upload(Self.january.text)
            async let first = world.confirm(one)
            async let second = world.confirm(two)
            let ends = try await [first, second]
            #expect(ends.allSatisfy { $0.status == .done })
            #expect(Set(ends.map(\.connectionID)).count == 1)
            try await world.settle()
            let id = try #require(ends[0].connectionID)
            #expect(try await world.rows(id).count == 4)
            let third = try await world.upload(Self.january.text)
            guard case .confirmStatement(let preview) = third.step else {
                Issue.record("the step is \(third.step)")
                return
            }
            #expect(preview.isKnown)
            let again = try await world.services.statements.upload(
                connection: id, in: world.production, StatementOptions(), FilePieces(Self.january.text))
            #expect(again.preview?.isKnown == true)
            await #expect(throws: DomainError.self) {
                _ = try await world.services.statements.confirm(again.id, StatementChoice(), in: world.production)
            }
            #expect(try await world.rows(id).count == 4)
        }
    }

    @Test(
        "days that two statements tell otherwise are shown, and the person says which one is kept",
        arguments: StatementChoice.Contradiction.allCases)
    func contradictions(_ word: StatementChoice.Contradiction) async throws {
        try await onEveryDatabase { database in
            do {
                let world = try await World.make(on: database)
                let first = try await world.linkStatement(Self.january.text)
                let id = try #require(first.connectionID)
                let other = Statement(
                    [
                        ("240102", 5_000_00, "Salary of January"), ("240105", -99_00, "Airtime"),
                        ("240109", -900_00, "Rent"),
                    ])
                let view = try await world.services.statements.upload(
                    connection: id, in: world.production, StatementOptions(), FilePieces(other.text))
                let days = try #require(view.preview?.accounts.first?.contradictions)
                #expect(days.map(\.day.iso) == ["2024-01-05"])
                await #expect(throws: DomainError.self) {
                    _ = try await world.services.statements.confirm(view.id, StatementChoice(), in: world.production)
                }
                _ = try await world.services.statements.confirm(
                    view.id, StatementChoice(contradiction: word), in: world.production)
                try await world.settle()
                let rows = try await world.rows(id)
                let kept: [Int64] = word == .keep ? [-120_50, -120_50] : [-99_00]
                #expect(rows.map(\.amount.minor) == [5_000_00] + kept + [-900_00])
            }
        }
    }

    @Test(
        "a statement that dates rows by their days of value doubles none of those that are dated by their booking",
        arguments: [true, false])
    func valueDays(_ isBookedFirst: Bool) async throws {
        let booked = """
            Account Number:,0123456789
            Trans Date,Value Date,Narration,Reference,Debit,Credit,Balance
            2024-01-05,2024-01-05,OPENING TRANSFER,,,1000.00,100000.00
            2024-01-08,2024-01-11,NIP/ADA OBI/RENT,,5000.00,,95000.00
            2024-01-09,2024-01-11,POS SHOPRITE LEKKI,,200.00,,94800.00
            2024-01-11,2024-01-11,X,,200.00,,94600.00
            2024-01-12,2024-01-12,END,,100.00,,94500.00

            """
        let valued = Statement(
            [
                ("240105", 1_000_00, "OPENING TRANSFER"), ("240111", -5_000_00, "ADA OBI RENT"),
                ("240111", -200_00, "SHOPRITE"), ("240111", -200_00, "X"), ("240112", -100_00, "END"),
            ], opening: 99_000_00
        ).text
        let files = isBookedFirst ? [booked, valued] : [valued, booked]
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let first = try await world.linkStatement(files[0])
            let id = try #require(first.connectionID)
            #expect(try await world.rows(id).count == 5)
            let view = try await world.services.statements.upload(
                connection: id, in: world.production, StatementOptions(), FilePieces(files[1]))
            #expect(view.preview?.accounts.first?.contradictions == [])
            _ = try await world.services.statements.confirm(view.id, StatementChoice(), in: world.production)
            try await world.settle()
            let rows = try await world.rows(id)
            let days = isBookedFirst ? ["05", "08", "09", "11", "12"] : ["05", "11", "11", "11", "12"]
            #expect(rows.map(\.bookedOn.iso) == days.map { "2024-01-" + $0 }, "what was stored first stays as it is")
            _ = try await world.services.connections.remove(id, in: world.production)
            try await world.settle()
            let left = try await database.read { db in
                try db.first("SELECT account_id FROM statement_value_day LIMIT 1", []) { $0.text(0) }
            }
            #expect(left == nil, "they go with the account")
        }
    }

    @Test("a statement of a time in which nothing moved gives its period and balance, and is taken over at once")
    func still() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let first = try await world.linkStatement(Self.january.text)
            let id = try #require(first.connectionID)
            let still = ":20:X\n:25:0123456789\n:60F:C240131NGN4859,\n:62F:C240229NGN4859,\n-\n"
            let view = try await world.services.statements.upload(
                connection: id, in: world.production, StatementOptions(), FilePieces(still))
            let account = try #require(view.preview?.accounts.first)
            #expect(account.rows == 0 && account.closing?.minor == 485_900)
            #expect(account.period.from.iso == "2024-02-01" && account.period.to.iso == "2024-02-29")
            _ = try await world.services.statements.confirm(view.id, StatementChoice(), in: world.production)
            try await world.settle()
            let shown = try await world.services.statements.find(view.id, in: world.production)
            #expect(shown.stateName == "imported")
            #expect(try await world.rows(id).count == 4)
            let moved = still.replacing("62F:C240229NGN4859", with: "62F:C240229NGN4000")
            await #expect(throws: DomainError.self) {
                _ = try await world.upload(moved)
            }
            let alone = try await world.linkStatement(still.replacing("0123456789", with: "9876543210"))
            #expect(alone.status == .done)
        }
    }

    @Test("rows in another currency than the account's are of an account of their own beside it")
    func foreignRows() async throws {
        let head = "<OFX><STMTRS><CURDEF>NGN<BANKACCTFROM><ACCTID>0123456789</BANKACCTFROM><BANKTRANLIST>"
        let own = "<STMTTRN><DTPOSTED>20240105<TRNAMT>1.5<FITID>1<NAME>A</STMTTRN>"
        let other = "<STMTTRN><DTPOSTED>20240106<TRNAMT>2<FITID>2<NAME>B<CURRENCY><CURSYM>USD</CURRENCY></STMTTRN>"
        let end = "</BANKTRANLIST></STMTRS></OFX>"
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            func shown(_ text: String) async throws -> [String] {
                guard case .confirmStatement(let preview) = try await world.upload(text).step else { return [] }
                return preview.accounts.map { "\($0.mask ?? "") \($0.currency.code) \($0.rows)" }
            }
            #expect(try await shown(head + own + other + other + end) == ["6789 NGN 1", "6789 USD 2"])
            // A file that names no currency has that of its first row.
            #expect(try await shown(head.replacing("<CURDEF>NGN", with: "") + other + own + end) == ["6789 USD 2"])
            let report = ":20:X\n:25:0123456789\n:61:240102D5,NTRFX\n-\n"
            #expect(try await shown(report) == ["6789 NGN 1"])
        }
    }

    @Test("of a file whose newest statement stands first the opening balance is the oldest one's")
    func newestFirst() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let old = Statement([("240102", -10_00, "A")], opening: 100_00).text
            let new = Statement([("240202", -10_00, "B")], opening: 90_00).text
            guard case .confirmStatement(let preview) = try await world.upload(new + old).step else { return }
            #expect(preview.accounts.first?.opening?.minor == 100_00 && preview.accounts.first?.closing?.minor == 80_00)
            #expect(preview.notes.isEmpty)
        }
    }

    @Test("a file that cannot be read is refused with its reason, and nothing of it stays")
    func refused() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            for (text, code) in [("%PDF-1.4 something", "statement_wrong_kind"), ("", "statement_empty")] {
                do {
                    _ = try await world.upload(text)
                    Issue.record("\(code) was taken")
                } catch let error as DomainError {
                    #expect(error.code.name == code)
                }
            }
            let view = try await world.upload(Self.january.text)
            let asked = try await world.services.links.answer(
                sessionID: view.id, in: world.production.scope, answer: StepAnswer(fields: ["confirm": "no"]),
                revision: view.revision)
            guard case .upload = asked.step else {
                Issue.record("the step is \(asked.step)")
                return
            }
            let left = try await world.upload(Self.january.text)
            guard case .confirmStatement(let preview) = left.step else { return }
            let id = try #require(ID<StatementUpload>(preview.upload))
            let scope = world.production.scope
            #expect(try await database.read { try StatementStore.find(id, scope, $0) } != nil)
            world.runtime.advance(milliseconds: 25 * 3_600_000)
            try await Housekeeper(core: world.core).tick()
            #expect(try await database.read { try StatementStore.find(id, scope, $0) } == nil)
        }
    }
}
