import Connectors
import Domain
import Storage
import TestKit
import Testing

@Suite("The file connector")
struct FileConformanceTests {
    /// A shelf that fails as a bank's transport does.
    struct FaultyBook: StatementBook {
        let shelf: StatementShelf
        let fault: TransportFault?

        private func check() throws(ConnectorError) {
            switch fault {
            case nil: return
            case .reply(let status, _, _) where status == 429:
                throw ConnectorError(.rateLimited, retryAfterSeconds: 17)
            case .halfBody, .html(status: 200), .reply(status: 200, headers: _, body: _):
                throw ConnectorError(.protocolViolation)
            default: throw ConnectorError(.providerUnavailable)
            }
        }

        func preview(upload: String, session: String, environmentID: Int64) async throws -> StatementPreview? {
            try check()
            return try await shelf.preview(upload: upload, session: session, environmentID: environmentID)
        }
        func confirm(
            upload: String, session: String, _ choice: StatementChoice, environmentID: Int64
        ) async throws -> StatementConfirmation? {
            try check()
            return try await shelf.confirm(
                upload: upload, session: session, choice, environmentID: environmentID)
        }
        func discard(upload: String, session: String, environmentID: Int64) async throws {
            try check()
            try await shelf.discard(upload: upload, session: session, environmentID: environmentID)
        }
        func isOpen(book: String, environmentID: Int64) async throws -> Bool {
            try check()
            return try await shelf.isOpen(book: book, environmentID: environmentID)
        }
        func balance(book: String, account: String, environmentID: Int64) async throws -> FetchedBalance? {
            try check()
            return try await shelf.balance(book: book, account: account, environmentID: environmentID)
        }
        func page(
            book: String, account: String, window: DayWindow, cursor: String?, environmentID: Int64
        ) async throws -> FetchPage {
            try check()
            return try await shelf.page(
                book: book, account: account, window: window, cursor: cursor, environmentID: environmentID)
        }
        func end(book: String, environmentID: Int64) async throws {
            try check()
            try await shelf.end(book: book, environmentID: environmentID)
        }
    }

    @Test("the file connector does what every connector must, on both databases")
    func conforms() async throws {
        try await onEveryDatabase { database in
            let results = try await results(database)
            #expect(results.allSatisfy({ $0.isKept }), "\(results.filter { !$0.isKept })")
        }
    }

    /// The suite, tried on a statement that is staged here.
    func results(_ database: Database) async throws -> [ConnectorConformance.Result] {
        let world = try await SandboxWorld(database)
        let vault = try await Vault.open(
            .value(String(repeating: "0f", count: 32), variable: "KUBEWA_MASTER_KEY"), database: database,
            runtime: world.runtime)
        let shelf = StatementShelf(database: database, vault: vault)
        let context = world.context()
        let upload = try await stage(shelf, world, session: context.correlationID)
        let conformance = ConnectorConformance(
            context: context,
            answers: [
                StepAnswer(fields: ["upload": upload]),
                StepAnswer(fields: ["confirm": "yes"], accounts: ["0"]),
            ], wrongAnswer: StepAnswer(fields: ["upload": "0123456789abcdef01234567"]),
            secrets: ["0123456789"]
        ) { fault in
            FileConnector(book: FaultyBook(shelf: shelf, fault: fault))
        }
        return await conformance.results()
    }

    /// A statement of 2,500 rows in twenty days, newest first in the file, whose running balances follow each other.
    private func stage(_ shelf: StatementShelf, _ world: SandboxWorld, session: String) async throws -> String {
        let scope = Scope(environmentID: world.environmentID)
        let count = 2_500
        let today = world.now.day()
        var upload = StatementUpload(
            id: world.runtime.newID(), sessionID: session, connectionID: nil, institution: SandboxWorld.institution,
            createdAt: world.now)
        var rows: [StagedRow] = []
        for number in 0..<count {
            var row = FetchedTransaction(
                upstreamID: nil, status: .booked, amount: Money(minor: 7, currency: .ngn),
                bookedOn: today.adding(days: -(number / 125)), text: "Row")
            row.runningBalance = Money(minor: Int64(count - number) * 7, currency: .ngn)
            rows.append(StagedRow(part: 0, sequence: Int64(number), transaction: row))
        }
        let period = DayWindow(from: today.adding(days: -19), to: today)
        var account = StatementPreview.Account(part: "0", currency: .ngn, period: period, rows: count)
        account.number = "0123456789"
        account.holder = "Ada Obi"
        var part = StatementPart(part: 0, currency: .ngn, period: period, closingOn: today, rows: count)
        part.closingMinor = Int64(count) * 7
        part.isNewestFirst = true
        var preview = StatementPreview(
            upload: upload.id.hex, format: "csv", profile: nil, encoding: "utf-8", isZipped: false)
        preview.accounts = [account]
        upload.rows = Int64(count)
        upload.digest = "a digest"
        let (begun, all, shown, parts) = (upload, rows, preview, [part])
        try await world.database.write { tx in
            let expires = world.now + Instant.dayMs
            #expect(try StatementStore.begin(begun, expires: expires, scope, tx))
            #expect(try StatementStore.stage(all, of: begun.id, scope, tx))
            var ready = begun
            ready.preview = try shelf.seal(shown, scope, tx)
            #expect(try StatementStore.ready(ready, parts, expires: expires, scope, tx))
        }
        return upload.id.hex
    }
}
