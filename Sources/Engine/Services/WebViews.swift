import Connectors
import Domain
import Storage

// What `Web` sees of rows: it knows neither the stores nor their types.

extension LinkView {
    /// `active`, `done`, `failed`, `abandoned` or `expired`.
    public var statusName: String { status.rawValue }
}

extension RefreshService {
    /// A customer's request; `check` asks for the balance alone.
    public func requestOnDemand(
        in environment: Domain.Environment, accountID: String?, connectionID: String?, products: Set<Product>,
        isCheck: Bool = false, once: Once<RefreshTicket>? = nil
    ) async throws -> RefreshTicket {
        try await request(
            scope: environment.scope, accountID: accountID, connectionID: connectionID, products: products,
            cause: isCheck ? .check : .demand, once: once)
    }
}

/// One sending of an event, as it is shown.
public struct AttemptView: Sendable {
    public let endpointID: String
    public let number: Int
    public let at: Instant
    public let durationMs: Int64
    public let status: Int?
    public let error: String?
    /// The same in a word, as in the log.
    public let errorClass: String?
    public let outcome: String
}

extension ReadService {
    /// The attempts of an event, oldest first; nil when there is no such event.
    public func attempts(event: Int64, in environment: Domain.Environment) async throws -> [AttemptView]? {
        try await core.database.read { db in
            let rows = try DeliveryStore.attempts(event: event, environment.scope, db)
            guard try !rows.isEmpty || EventReads.exists(event, environment.scope, db) else { return nil }
            return rows.map { endpointID, row in
                AttemptView(
                    endpointID: endpointID, number: row.number, at: row.at, durationMs: row.durationMs,
                    status: row.status, error: AttemptText.told(row.error, row.errorClass), errorClass: row.errorClass,
                    outcome: row.outcome.rawValue)
            }
        }
    }

    /// Whether the database answers.
    public func ping() async throws { try await core.database.read { try EventReads.ping($0) } }

    /// A page of an account's transactions behind a cursor, and the cursor of the next one.
    public func transactions(
        account: String, after cursor: TransactionCursor, limit: Int, from: LocalDate?,
        in environment: Domain.Environment, as form: ItemForm
    ) async throws -> (items: [UInt8], next: TransactionCursor?, freshness: [UInt8])? {
        let vault = core.vault
        let found = try await core.database.read {
            db
                -> (items: [UInt8], next: TransactionCursor?, facts: [FreshnessFacts])? in
            guard let owner = try AccountReads.named(.id(account), environment.scope, db).first else { return nil }
            let out = PageBuffer(capacity: Self.itemBytes * min(limit, PageRequest.limitDefault))
            var last: TransactionCursor?
            var count = 0
            let names = RowNames(db, environment, vault, form.forms, TransactionColumn.keys)
            let place = TransactionReads.Cursor(
                account: account, day: cursor.day, id: cursor.id, from: from?.iso ?? DayPager.firstDay)
            try TransactionReads.after(place, limit: limit + 1, environment.scope, db) { row in
                count += 1
                guard count <= limit else { return }
                try form.template.write(row, out, names.write)
                last = TransactionCursor(day: row.text(8), id: row.text(0))
            }
            let facts = try FreshnessReads.find([owner.connectionID], environment.scope, db)
            return (out.bytes(), count > limit ? last : nil, facts)
        }
        return found.map { found in
            let fresh = FreshnessService(core: core).write(found.facts, in: environment, form.forms)
            return (found.items, found.next, fresh)
        }
    }
}

/// A place in an account's transactions. Callers keep it as they got it.
public struct TransactionCursor: Sendable, Equatable {
    public let day: String
    public let id: String

    public static let newest = TransactionCursor(day: DayPager.lastDay, id: "")

    public init(day: String, id: String) {
        self.day = day
        self.id = id
    }

    public var text: String { Hex.encode("\(day)/\(id)".utf8) }

    public init?(_ text: String) {
        guard let bytes = Hex.decode(text) else { return nil }
        let parts = String(decoding: bytes, as: UTF8.self).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, LocalDate(String(parts[0])) != nil, ID<FetchedTransaction>(String(parts[1])) != nil
        else { return nil }
        self.init(day: String(parts[0]), id: String(parts[1]))
    }
}

/// A transaction to post at the sandbox bank.
public struct Posting: Sendable {
    public var username: String?
    public var accountNumber: String?
    public var institution: String?
    public var amountMinor: Int64
    public var narration: String
    public var channel: String?

    public init(
        username: String?, accountNumber: String?, institution: String?, amountMinor: Int64, narration: String,
        channel: String?
    ) {
        self.username = username
        self.accountNumber = accountNumber
        self.institution = institution
        self.amountMinor = amountMinor
        self.narration = narration
        self.channel = channel
    }
}

/// A transaction posted at the sandbox bank.
public struct PostedView: Sendable {
    public let transactionID: String
    public let accountNumber: String
    public let institution: String
    public let username: String
    public let amountMinor: Int64
    public let balanceMinor: Int64
    public let postedAt: Instant
    /// Connections that the bank tells.
    public let pushes: Int

    init(_ posted: SandboxPosted) {
        transactionID = posted.transactionID
        accountNumber = posted.accountNumber
        institution = posted.user.institution
        username = posted.user.username
        amountMinor = posted.amountMinor
        balanceMinor = posted.balanceMinor
        postedAt = posted.postedAt
        pushes = posted.pushes.count
    }
}

extension SandboxService {
    /// One customer, or an array of them.
    public func createCustomers(
        _ body: JSONValue, in environment: Domain.Environment, once: Once<[SandboxCustomer]>? = nil
    ) async throws -> [SandboxCustomer] {
        try requireSandbox(environment)
        return try await customers.create(body, environmentID: environment.id, also: together(once))
    }

    /// Customers to look over and post back; `number` is 1 to 10.
    public func draftCustomers(number: Int, in environment: Domain.Environment) async throws -> [SandboxDraft] {
        try requireSandbox(environment)
        return try await customers.drafts(number: number, environmentID: environment.id)
    }

    /// Makes up customers and creates them at once; `number` is 1 to 10.
    public func generateCustomers(
        number: Int, in environment: Domain.Environment, once: Once<[SandboxCustomer]>? = nil
    ) async throws -> [SandboxCustomer] {
        try requireSandbox(environment)
        return try await customers.generate(number: number, environmentID: environment.id, also: together(once))
    }

    /// One page of the environment's sandbox customers, newest first.
    public func listCustomers(
        _ page: PageRequest, in environment: Domain.Environment
    ) async throws -> (rows: [SandboxCustomer], info: PageInfo) {
        try requireSandbox(environment)
        let (rows, total) = try await customers.list(
            page: page.page, limit: page.limit, environmentID: environment.id)
        return (rows, PageInfo(total: total, of: page))
    }

    /// - Throws: `DomainError.notFound` when the environment has no such customer.
    public func customer(_ id: String, in environment: Domain.Environment) async throws -> SandboxCustomer {
        try requireSandbox(environment)
        return try await customers.get(id, environmentID: environment.id)
    }

    /// Posts a transaction as the API asks for it; a channel that is not named is the order's own default.
    public func post(
        _ posting: Posting, in environment: Domain.Environment, once: Once<PostedView>? = nil
    ) async throws -> PostedView {
        var order = SandboxOrder(
            institution: posting.institution, username: posting.username, accountNumber: posting.accountNumber,
            amountMinor: posting.amountMinor, narration: posting.narration)
        if let channel = posting.channel { order.channel = channel }
        return PostedView(try await post(order, in: environment, once: once?.shown { PostedView($0) }))
    }
}
