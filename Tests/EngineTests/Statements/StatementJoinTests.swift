import Domain
import Engine
import Storage
import TestKit
import Testing

@Suite("Statements and banks that can be asked")
struct StatementJoinTests {
    /// What the sandbox bank has of an account, as a statement of its own.
    private func statement(_ world: World, _ connection: String) async throws -> (text: String, rows: Int) {
        let scope = world.production.scope
        let rows = try await world.rows(connection)
        let number = try await world.core.database.read { db -> String in
            let account = try AccountStore.list(ID(trusted: connection), scope, db)[0]
            let context = SealContext(
                environmentID: scope.environmentID, connectionID: connection, purpose: "account_number")
            return String(
                decoding: try world.core.vault.open(account.numberSealed ?? [], context, on: db), as: UTF8.self)
        }
        let own = rows.filter { $0.status == .booked }
        let lines = own.map { row in
            (String(row.bookedOn.iso.dropFirst(2)).replacing("-", with: ""), row.amount.minor, row.text)
        }
        return (Statement(lines, account: number).text, own.count)
    }

    private func bankWorld(_ database: Database, sameAs earlier: World? = nil) async throws -> World {
        try await World.make(on: database, sameAs: earlier, environments: [.sandbox, .production])
    }

    private func linkAtBank(_ world: World, customer: String?) async throws -> String {
        var request = BeginLink(institution: "access-bank")
        request.customerID = customer
        var view = try await world.services.links.begin(request, in: world.production)
        for _ in 0..<6 where view.status == .active {
            var answer = StepAnswer(fields: ["username": "success", "password": "pass"])
            if case .selectAccounts(let choices) = view.step {
                answer = StepAnswer(accounts: choices.prefix(1).map(\.upstreamID))
            }
            view = try await world.services.links.answer(
                sessionID: view.id, in: world.production.scope, answer: answer, revision: view.revision)
        }
        try await world.settle()
        return try #require(view.connectionID)
    }

    @Test("a bank that can be asked takes over a connection that files fed, and no row is doubled")
    func takeover() async throws {
        try await onEveryDatabase { database in
            let asked = try await bankWorld(database)
            // What the bank would tell of this person, seen by a connection of its own that goes again.
            let probe = try await linkAtBank(asked, customer: nil)
            let (text, count) = try await statement(asked, probe)
            try await asked.services.connections.remove(probe, in: asked.production)
            try await asked.settle()
            let fed = try await World.make(on: database, sameAs: asked)
            let first = try await fed.linkStatement(text)
            let id = try #require(first.connectionID)
            #expect(try await fed.rows(id).count == count)
            let again = try await bankWorld(database, sameAs: fed)
            let second = try await linkAtBank(again, customer: first.customerID)
            #expect(second == id)
            let rows = try await again.rows(id).filter { $0.status == .booked }
            #expect(rows.count == count, "\(rows.filter { $0.upstreamID == nil }.prefix(4))")
            #expect(rows.allSatisfy { $0.upstreamID != nil })
            let connection = try await database.read { db in
                try ConnectionStore.find(ID(trusted: id), again.production.scope, db)
            }
            #expect(connection?.connector == "sandbox")
        }
    }

    @Test("a statement of an account that a bank tells of adds what is missing, and the bank's own rows stay")
    func supplement() async throws {
        try await onEveryDatabase { database in
            let world = try await bankWorld(database)
            let id = try await linkAtBank(world, customer: nil)
            let before = try await world.rows(id)
            let (text, count) = try await statement(world, id)
            let view = try await world.services.statements.upload(
                connection: id, in: world.production, StatementOptions(), FilePieces(text))
            #expect(view.preview?.accounts.first?.rows == count)
            #expect(view.preview?.accounts.first?.contradictions.isEmpty == true)
            #expect(view.preview?.accounts.first?.mayReplace == false)
            _ = try await world.services.statements.confirm(view.id, StatementChoice(), in: world.production)
            try await world.settle()
            let after = try await world.rows(id)
            #expect(after == before, "\(after.filter { !before.contains($0) }.prefix(4))")
            let other = Statement([("240102", 1_00, "Other")], account: "9999999999")
            await #expect(throws: DomainError.self) {
                _ = try await world.services.statements.upload(
                    connection: id, in: world.production, StatementOptions(), FilePieces(other.text))
            }
        }
    }

    @Test("a person is reminded of the next statement when it is due, and a link in the event takes it")
    func reminder() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            _ = try await world.services.endpoints.set(
                in: world.production, url: World.webhookURL, payload: .thin, token: nil)
            let first = try await world.linkStatement(
                Statement([("231201", 5_00, "One"), ("231231", -1_00, "Two")]).text)
            let id = try #require(first.connectionID)
            let seen = try await database.read { db in
                try ScheduleStore.find(ID(trusted: id), world.production.scope, db)
            }
            // Nothing is fetched by the clock, and what is known is as old as the statement.
            #expect(seen?.setting.balance == nil && seen?.setting.transactions == nil)
            #expect(seen?.transactionsSeen.okAt?.day().iso == "2023-12-31")
            let due = try #require(seen?.consentDue)
            #expect(due.day().iso == "2024-02-03")
            world.runtime.advance(to: due + 1000)
            try await world.settle()
            let told = try world.webhooks.bodies("statement.due")
            #expect(told.count == 1)
            let url = try #require(told.first?["data"]?["upload_url"]?.text)
            let opening = try WidgetOpening(
                options: ["ref": .string(url)], ref: nil, origin: nil, mode: "page")
            let view = try await world.services.widgets.begin(opening, institution: "", loginType: nil)
            let shown = try await world.services.statements.upload(
                sessionID: view.id, in: world.production.scope, StatementOptions(),
                FilePieces(Statement([("240101", 3_00, "Three"), ("240131", 4_00, "Four")], opening: 400).text))
            let done = try await world.confirm(shown)
            #expect(done.connectionID == id)
            try await world.settle()
            #expect(try await world.rows(id).count == 4)
        }
    }

    @Test("a file of 6,000 rows is staged and taken over in steps, and equal rows stay as many as they are")
    func large() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            var rows: [(String, Int64, String)] = []
            for number in 0..<6_000 { rows.append(("2401\(number < 3_000 ? "02" : "03")", 100, "Same")) }
            let view = try await world.linkStatement(Statement(rows).text)
            let id = try #require(view.connectionID)
            let count = try await world.rows(id).count
            #expect(count == 6_000, "\(count) on \(database.dialect)")
        }
    }
}
