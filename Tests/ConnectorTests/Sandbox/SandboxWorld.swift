import Connectors
import Domain
import Storage
import TestKit

/// A sandbox bank in a fresh database, one environment, and a clock that is moved by hand.
struct SandboxWorld {
    static let pushSecret = "the bank's push secret"
    static let institution = "zenith-bank"

    let runtime: ManualRuntime
    let store: SandboxStore
    let bank: SandboxBank
    let transport: SandboxBankTransport
    let connector: SandboxConnector
    let customers: SandboxCustomers
    let database: Database
    let environmentID: Int64 = 7

    init(_ database: Database, seed: UInt64 = 1, startMs: Int64 = 1_705_309_200_000) async throws {
        self.database = database
        runtime = ManualRuntime(now: Instant(ms: startMs))
        store = SandboxStore(database: database, runtime: runtime)
        bank = SandboxBank(book: store, runtime: runtime, seed: seed)
        transport = SandboxBankTransport(bank)
        connector = SandboxConnector(
            transport: transport, baseURL: "http://127.0.0.1:9", pushSecret: Self.pushSecret)
        customers = SandboxCustomers(book: store, runtime: runtime)
        try await addEnvironment(environmentID)
    }

    func addEnvironment(_ id: Int64) async throws {
        let (tenant, project): (ID<Tenant>, ID<Project>) = (runtime.newID(), runtime.newID())
        let environment = Environment(
            id: id, tenantID: tenant, projectID: project, kind: .sandbox, offsetMs: 0, businessName: "Test")
        let now = runtime.now()
        try await database.write { tx in
            try TenantStore.create(tenant, name: "Test", at: now, tx)
            try TenantStore.create(environment, at: now, tx)
        }
    }

    var now: Instant { runtime.now() }
    func advance(days: Int64 = 0, minutes: Int64 = 0) {
        runtime.advance(milliseconds: days * Instant.dayMs + minutes * 60_000)
    }

    func context(_ institution: String = Self.institution, environmentID: Int64? = nil) -> ConnectorContext {
        ConnectorContext(
            environmentID: environmentID ?? self.environmentID, institution: institution, now: now,
            correlationID: "test")
    }

    static func login(_ username: String, _ password: String = "pass") -> StepAnswer {
        StepAnswer(fields: ["username": username, "password": password])
    }

    /// The progress after the first step.
    func begin(
        _ username: String, _ password: String = "pass", at institution: String = Self.institution,
        pushURL: String? = nil
    ) async throws -> LinkProgress {
        let context = context(institution)
        let begun = try await connector.beginLink(
            LinkRequest(products: Set(Product.allCases), pushURL: pushURL), context)
        return try await connector.continueLink(begun.state, Self.login(username, password), context)
    }

    func link(
        _ username: String, _ password: String = "pass", at institution: String = Self.institution,
        pushURL: String? = nil
    ) async throws -> LinkedAccess {
        let progress = try await begin(username, password, at: institution, pushURL: pushURL)
        guard let linked = progress.linked else { throw WorldError("not linked: \(progress.step)") }
        return linked
    }

    @discardableResult
    func create(_ username: String, change: (inout SandboxDraft) -> Void = { _ in }) async throws -> SandboxCustomer {
        var draft = SandboxDraft(
            name: "Amaka Obi", bank: Self.institution, username: username, password: "secret-word")
        change(&draft)
        return try await customers.create([draft], environmentID: environmentID)[0]
    }

    /// All rows of a window, newest first.
    func rows(_ grant: Grant, _ account: String, from: LocalDate, to: LocalDate) async throws -> [FetchedTransaction] {
        var rows: [FetchedTransaction] = []
        var cursor: String?
        repeat {
            let page = try await connector.transactions(
                grant, account: account, window: DayWindow(from: from, to: to), cursor: cursor, context())
            rows += page.rows
            cursor = page.nextCursor
        } while cursor != nil
        return rows
    }

    /// The last 30 days' rows of the first account.
    func recent(_ linked: LinkedAccess) async throws -> [FetchedTransaction] {
        let today = now.day()
        return try await rows(linked.grant, linked.accounts[0].upstreamID, from: today.adding(days: -30), to: today)
    }

    /// The error's code, or nil when it went well.
    func code(_ body: () async throws -> Void) async -> ConnectorError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? ConnectorError)?.code
        }
    }
}

struct WorldError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Runs `body` with a bank in SQLite and with one in PostgreSQL.
func onEveryWorld(_ body: (SandboxWorld) async throws -> Void) async throws {
    try await onEveryDatabase { database in try await body(try await SandboxWorld(database)) }
}
