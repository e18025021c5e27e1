import Connectors
import Domain
import Storage
import Synchronization
import TestKit
import Testing

@testable import Engine

/// The sandbox bank, but what it makes of incomes and statements is what a test says.
private final class PromisingBank: Connector {
    static let secret = "secret-of-the-bank"
    private let inner: any Connector
    struct State {
        var answer: Result<IncomeAnswer, ConnectorError> = .success(.processing)
        var rows: Result<[FetchedTransaction], ConnectorError> = .success([])
        /// Happens while the bank is asked.
        var meanwhile: (@Sendable () async -> Void)?
        var asked: [Int?] = []
    }
    let state = Mutex(State())

    init(_ inner: any Connector) { self.inner = inner }

    var descriptor: ConnectorDescriptor { inner.descriptor }

    func beginLink(_ request: LinkRequest, _ context: ConnectorContext) async throws(ConnectorError) -> LinkProgress {
        try await inner.beginLink(request, context)
    }
    func continueLink(
        _ state: [UInt8], _ answer: StepAnswer, _ context: ConnectorContext
    ) async throws(ConnectorError) -> LinkProgress { try await inner.continueLink(state, answer, context) }
    func refreshAuth(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) -> Grant {
        try await inner.refreshAuth(grant, context)
    }
    func listAccounts(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) -> [FetchedAccount] {
        try await inner.listAccounts(grant, context)
    }
    func balance(
        _ grant: Grant, account: String, _ context: ConnectorContext
    ) async throws(ConnectorError) -> FetchedBalance { try await inner.balance(grant, account: account, context) }
    func transactions(
        _ grant: Grant, account: String, window: DayWindow, cursor: String?, _ context: ConnectorContext
    ) async throws(ConnectorError) -> FetchPage {
        try await inner.transactions(grant, account: account, window: window, cursor: cursor, context)
    }

    func income(
        _ grant: Grant, account: String, months: Int?, _ context: ConnectorContext
    ) async throws(ConnectorError) -> IncomeAnswer {
        let (answer, meanwhile) = state.withLock { state in
            state.asked.append(months)
            defer { state.meanwhile = nil }
            return (state.answer, state.meanwhile)
        }
        await meanwhile?()
        return try answer.get()
    }

    func statement(
        _ grant: Grant, account: String, months: Int, _ context: ConnectorContext
    ) async throws(ConnectorError) -> [FetchedTransaction] { try state.withLock { $0.rows }.get() }

    /// `made ENVIRONMENT USER ACCOUNT MONTHLY` or `failed ENVIRONMENT USER ACCOUNT`.
    func handleUpstreamWebhook(
        headers: [(name: String, value: String)], body: [UInt8], settings: ConnectorSettings
    ) throws(ConnectorError) -> [UpstreamEvent] {
        guard headers.first?.value == Self.secret else { throw ConnectorError(.accessDenied) }
        let words = String(decoding: body, as: UTF8.self).split(separator: " ").map(String.init)
        let outcome: IncomeOutcome =
            words[0] == "made"
            ? .made(IncomeTests.income(Int64(words[4]) ?? 0)) : .failed(ConnectorError(.dataIncomplete))
        return [.income(environmentID: Int64(words[1]), upstreamUserID: words[2], account: words[3], outcome)]
    }
}

@Suite("Incomes and statements of banks")
struct IncomeTests {
    fileprivate static func income(_ monthly: Int64, _ currency: Currency? = nil) -> IncomeDetails {
        var found = IncomeDetails(currency: currency)
        found.monthlyMinor = monthly
        var stream = IncomeDetails.Stream()
        stream.kind = "salary"
        stream.lastMinor = monthly
        found.streams = [stream]
        return found
    }

    private struct Place {
        let world: World
        let bank: PromisingBank
        let account: String
        /// As the bank calls them.
        let user: String
        let upstream: String

        var incomes: IncomeService { world.services.incomes }

        func answer(_ answer: Result<IncomeAnswer, ConnectorError>) { bank.state.withLock { $0.answer = answer } }

        func ask(_ months: Int? = nil) async throws -> IncomeView {
            try await incomes.ask(account: account, months: months, in: world.environment())
        }

        func find() async throws -> IncomeView { try await incomes.find(account: account, in: world.environment()) }

        func push(_ what: String, _ monthly: Int64 = 0, secret: String = PromisingBank.secret) async throws -> Int {
            try await world.services.upstream.receive(
                connector: "sandbox", headers: [("secret", secret)],
                body: Array("\(what) \(world.scope.environmentID) \(user) \(upstream) \(monthly)".utf8))
        }

        /// The events of incomes since the last look.
        func told() async throws -> [JSONValue] {
            try await world.settle()
            defer { world.webhooks.forget() }
            return try world.webhooks.bodies().filter { $0["event"]?.text?.hasPrefix("income.") == true }
        }
    }

    private func everywhere(
        _ products: [String] = ["auth", "transactions"], _ body: @Sendable (Place) async throws -> Void
    ) async throws {
        try await onEveryDatabase { database in
            let found = Mutex<PromisingBank?>(nil)
            var plan = World.Plan()
            plan.connectors = { connectors in
                let bank = PromisingBank(connectors[0])
                found.withLock { $0 = bank }
                return [bank, connectors[1]]
            }
            let world = try await World.make(on: database, plan)
            try await world.listen(payload: .complete)
            let view = try await world.link {
                $0.historyMonths = 1
                $0.products = products
            }
            try await world.settle()
            world.webhooks.forget()
            let id = try #require(view.connectionID.map { ID<Connection>(trusted: $0) })
            let (connection, account) = try await database.read { db in
                (
                    try #require(try ConnectionStore.find(id, world.scope, db)),
                    try #require(try AccountStore.list(id, world.scope, db).first)
                )
            }
            try await body(
                Place(
                    world: world, bank: try #require(found.withLock { $0 }), account: account.id.hex,
                    user: try #require(connection.upstreamUser), upstream: account.upstreamID))
        }
    }

    private func error<T>(_ body: () async throws -> T) async -> DomainError? {
        do {
            _ = try await body()
            return nil
        } catch {
            return error as? DomainError
        }
    }

    @Test("an income that the bank has at once is kept sealed, shown, and told with the call that leads to it")
    func ready() async throws {
        try await everywhere { place in
            place.answer(.success(.ready(Self.income(35_000_000))))
            let asked = try await place.ask(6)
            #expect(asked.state == "ready" && asked.months == 6 && asked.madeAt != nil)
            let shown = try await place.find()
            let income = try JSONValue(parsing: try #require(shown.income))
            #expect(income["monthly_minor"] == 35_000_000 && income["currency"] == "NGN")
            #expect(income["streams"]?.elements?.first?["kind"] == "salary")
            #expect(place.bank.state.withLock { $0.asked } == [6])
            let told = try await place.told()
            #expect(told.map { $0["event"]?.text } == ["income.success"])
            let data = try #require(told.first?["data"])
            #expect(data["income"]?.text == asked.id && data["account"]?.text == place.account)
            #expect(data["resource"] == income)
            #expect(data["query"]?["path"]?.text == "/api/v1/accounts/\(place.account)/income")
            let sealed = try await place.world.core.database.read { db in
                try db.first("SELECT sealed FROM income", []) { $0.blob(0) }
            }
            #expect(!String(decoding: try #require(sealed), as: UTF8.self).contains("salary"))
        }
    }

    @Test("one that takes time is processing until the bank's push, which is told once")
    func processing() async throws {
        try await everywhere { place in
            #expect(await error { try await place.find() }?.code == .notFound, "nobody asked yet")
            let asked = try await place.ask()
            #expect(asked.state == "processing" && asked.income == nil && asked.madeAt == nil)
            // Asking again meanwhile does not ask the bank.
            #expect(try await place.ask().id == asked.id)
            #expect(place.bank.state.withLock { $0.asked.count } == 1)
            #expect(try await place.told().isEmpty)
            #expect(await error { try await place.push("made", 5, secret: "wrong") }?.code == .unknownKey)
            #expect(try await place.find().state == "processing")

            async let one = place.push("made", 5)
            async let other = place.push("made", 5)
            #expect(try await one + other == 1, "two at once are one")
            let made = try await place.find()
            #expect(made.state == "ready" && made.id == asked.id && made.income != nil)
            #expect(try await place.told().map { $0["event"]?.text } == ["income.success"])
            // The same push again says nothing new; another one does, though nobody asked.
            #expect(try await place.push("made", 5) == 0)
            #expect(try await place.push("failed") == 0)
            #expect(try await place.push("made", 6) == 1)
            #expect(try await place.told().count == 1)
        }
    }

    @Test("one that is asked for anew keeps the last one, and a bank that keeps silent is asked again after a while")
    func anew() async throws {
        try await everywhere { place in
            place.answer(.success(.ready(Self.income(5))))
            let first = try await place.ask()
            place.answer(.success(.processing))
            let second = try await place.ask()
            #expect(second.id == first.id && second.state == "processing")
            #expect(second.income == first.income && second.madeAt == first.madeAt)
            place.world.runtime.advance(milliseconds: IncomeService.patienceMs)
            _ = try await place.ask()
            #expect(place.bank.state.withLock { $0.asked.count } == 3)
        }
    }

    @Test("a push that is faster than the bank's own answer is not lost")
    func fastPush() async throws {
        try await everywhere { place in
            place.bank.state.withLock { $0.meanwhile = { _ = try? await place.push("made", 7) } }
            let asked = try await place.ask()
            #expect(asked.state == "ready" && asked.income != nil)
            #expect(try await place.told().count == 1)
        }
    }

    @Test("what cannot be made is kept and told with its reason, by the answer and by the push")
    func failed() async throws {
        try await everywhere { place in
            place.answer(.failure(ConnectorError(.dataIncomplete)))
            let asked = try await place.ask()
            #expect(asked.state == "failed" && asked.error == "data_incomplete")
            var told = try await place.told()
            #expect(told.map { $0["event"]?.text } == ["income.failed"])
            #expect(told.first?["data"]?["reason"] == "data_incomplete")
            place.answer(.success(.processing))
            _ = try await place.ask()
            #expect(try await place.push("failed") == 1)
            #expect(try await place.find().state == "failed")
            told = try await place.told()
            #expect(told.map { $0["event"]?.text } == ["income.failed"])
            // What the account cannot have is none of its income.
            place.answer(.success(.ready(Self.income(5, Currency(code: "GHS")))))
            #expect(try await place.ask().error == "protocol_violation")
            place.answer(.success(.ready(Self.income(Money.takenMinorMax + 1))))
            #expect(try await place.ask().error == "protocol_violation")
        }
    }

    @Test("while the bank is away or busy, or prepares the data, nothing is kept and nothing told")
    func away() async throws {
        try await everywhere { place in
            for (code, wanted) in [
                (ConnectorError.Code.providerUnavailable, ErrorCode.unavailable), (.notReady, .notReady),
                (.unsupported, .unsupported),
            ] {
                place.answer(.failure(ConnectorError(code)))
                #expect(await error { try await place.ask() }?.code == wanted)
            }
            place.answer(.failure(ConnectorError(.rateLimited, retryAfterSeconds: 17)))
            let busy = await error { try await place.ask() }
            #expect(busy?.code == .rateLimited && busy?.retry?.seconds == 17)
            // The whole bank is left alone for as long as it said.
            let asked = place.bank.state.withLock { $0.asked.count }
            #expect(await error { try await place.ask() }?.code == .rateLimited)
            #expect(place.bank.state.withLock { $0.asked.count } == asked)
            let unknown = await error { try await place.find() }
            #expect(unknown?.code == .notFound)
            let told = try await place.told()
            #expect(told.isEmpty)
        }
    }

    @Test("a bank under maintenance, or that fails again and again, is not asked, and is away")
    func spared() async throws {
        try await everywhere { place in
            place.answer(.failure(ConnectorError(.providerUnavailable)))
            for _ in 0..<20 {
                let away = await error { try await place.ask() }
                #expect(away?.code == .unavailable)
            }
            let asked = place.bank.state.withLock { $0.asked.count }
            #expect(asked < 20, "the breaker opened")
            // One call tries it again when its time is over.
            place.world.runtime.advance(milliseconds: 10 * 60_000)
            place.answer(.success(.ready(Self.income(5))))
            let again = try await place.ask()
            #expect(again.state == "ready")
        }
    }

    @Test("an answer that asks for the person stops the connection, as in a refresh")
    func needsUser() async throws {
        try await everywhere { place in
            place.answer(.failure(ConnectorError(.reauthRequired, upstreamCode: "x-reauth-required")))
            #expect(try await place.ask().error == "reauth_required")
            try await place.world.settle()
            let told = try place.world.webhooks.bodies().compactMap { $0["event"]?.text }
            #expect(told.sorted() == ["income.failed", "record.reauth_required"])
            #expect(await error { try await place.ask() }?.code == .conflict)
        }
    }

    @Test("an access that ran out is renewed by a run, and then the same is answered")
    func expired() async throws {
        try await everywhere { place in
            place.answer(.failure(ConnectorError(.reauthRequired, upstreamCode: ConnectorError.tokenExpired)))
            #expect(await error { try await place.ask() }?.code == .notReady)
            #expect(try await place.world.refreshes.tick() > 0, "a run was begun")
            try await place.world.settle()
            place.answer(.success(.ready(Self.income(5))))
            #expect(try await place.ask().state == "ready")
        }
    }

    @Test("the budget of a day holds for incomes and statements too")
    func budget() async throws {
        try await everywhere { place in
            place.answer(.success(.ready(Self.income(5))))
            let world = place.world
            var setting = BankSetting()
            setting.budget = CallBudget(each: [.income: 1, .statement: 1])
            let kept = setting
            try await world.core.database.write { tx in
                try BankStore.set(kept, of: "access-bank", .sandbox, tx)
            }
            world.runtime.advance(milliseconds: BankGate.freshMs)
            _ = try await place.ask()
            #expect(await error { try await place.ask() }?.code == .rateLimited)
            let statements = world.services.bankStatements
            _ = try await statements.read(account: place.account, months: 1, in: world.environment())
            let refused = await error {
                try await statements.read(account: place.account, months: 1, in: world.environment())
            }
            #expect(refused?.code == .rateLimited)
            world.runtime.advance(milliseconds: Instant.dayMs + 1000)
            #expect(try await place.ask().state == "ready")
        }
    }

    @Test("without consent to transactions neither is read")
    func products() async throws {
        try await everywhere(["auth", "balance"]) { place in
            #expect(await error { try await place.ask() }?.code == .productNotEnabled)
            let statement = await error {
                try await place.world.services.bankStatements.read(
                    account: place.account, months: 1, in: place.world.environment())
            }
            #expect(statement?.code == .productNotEnabled)
        }
    }

    @Test("with its connection an income is gone, and a push of it says nothing any more")
    func removal() async throws {
        try await everywhere { place in
            place.answer(.success(.ready(Self.income(5))))
            let connection = try await place.ask().connection
            try await place.world.services.connections.remove(connection, in: place.world.environment())
            let rows = try await place.world.core.database.read {
                try $0.query("SELECT id FROM income", []) { $0.text(0) }
            }
            #expect(rows.isEmpty)
            #expect(try await place.push("made", 6) == 0)
            let gone = await error { try await place.find() }
            #expect(gone?.code == .notFound)
        }
    }

    @Test("a statement is read and not kept; one that lies, or does not come, is an error")
    func statements() async throws {
        try await everywhere { place in
            let world = place.world
            func read() async throws -> BankStatement {
                try await world.services.bankStatements.read(
                    account: place.account, months: 3, in: world.environment())
            }
            func row(_ id: String, _ minor: Int64, _ currency: Currency = .ngn) -> FetchedTransaction {
                FetchedTransaction(
                    upstreamID: id, status: .booked, amount: Money(minor: minor, currency: currency),
                    bookedOn: LocalDate("2024-01-02")!, text: "POS")
            }
            func count() async throws -> [String] {
                try await world.core.database.read {
                    try $0.query("SELECT id FROM account_transaction ORDER BY id", []) { $0.text(0) }
                }
            }
            let before = try await count()
            place.bank.state.withLock { $0.rows = .success([row("a", 1), row("b", -2)]) }
            let statement = try await read()
            #expect(statement.rows.map(\.amount.minor) == [1, -2] && statement.months == 3)
            #expect(try await count() == before)
            for rows in [[row("a", 1), row("a", 1)], [row("a", 1, Currency(code: "GHS"))]] {
                place.bank.state.withLock { $0.rows = .success(rows) }
                #expect(await error { try await read() }?.code == .unavailable)
            }
            place.bank.state.withLock { $0.rows = .failure(ConnectorError(.dataIncomplete, upstreamCode: "count")) }
            #expect(await error { try await read() }?.code == .unavailable)
            place.bank.state.withLock { $0.rows = .failure(ConnectorError(.notReady)) }
            #expect(await error { try await read() }?.code == .notReady)
        }
    }
}
