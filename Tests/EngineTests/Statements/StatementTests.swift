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
