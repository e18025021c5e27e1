import Domain

/// What the sandbox bank keeps, in the same database as everything else.
public struct SandboxStore: SandboxBook {
    /// More linkings of one login than this leave no trace in its history.
    static let linkingsMax = 200

    let database: Database
    private let runtime: any Runtime

    public init(database: Database, runtime: any Runtime) {
        self.database = database
        self.runtime = runtime
    }

    private static let offsetSQL = "SELECT offset_ms FROM environment WHERE id = $1"

    static func now(_ machine: Instant, _ environmentID: Int64, _ db: any SQLConnection) throws -> Instant {
        guard let offset = try db.first(offsetSQL, [.integer(environmentID)], { $0.int(0) }) else {
            throw DomainError.notFound("environment")
        }
        return machine + offset
    }

    public func now(environmentID: Int64) async throws -> Instant {
        let machine = runtime.now()
        return try await database.read { db in try Self.now(machine, environmentID, db) }
    }

    // MARK: customers

    private static let customerColumns = """
        id, institution, bank, name, username, password, kind, volume, account_count, identity_percent, \
        internet_speed, created_at_ms FROM sandbox_customer
        """

    private static func customer(_ row: borrowing Row) -> SandboxCustomer {
        var draft = SandboxDraft(
            name: row.text(3), bank: row.text(2), username: row.text(4), password: row.text(5),
            accountCount: Int(row.int(8)), kind: .init(rawValue: row.text(6)) ?? .ind)
        draft.volume = .init(rawValue: row.text(7)) ?? .medium
        draft.identity = Int(row.int(9))
        draft.internetSpeed = Int(row.int(10))
        return SandboxCustomer(id: row.id(0), draft: draft, institution: row.text(1), createdAt: row.instant(11))
    }

    private static let takePositionsSQL = """
        INSERT INTO sandbox_counter (environment_id, customers) VALUES ($1, $2)
        ON CONFLICT (environment_id) DO UPDATE SET customers = sandbox_counter.customers + excluded.customers
        RETURNING customers
        """
    private static let addCustomers = BulkStatement.insert(
        order: 900, into: "sandbox_customer",
        [
            ("environment_id", .bigint), ("id", .text), ("position", .bigint), ("institution", .text), ("bank", .text),
            ("name", .text), ("username", .text), ("password", .text), ("kind", .text), ("volume", .text),
            ("account_count", .bigint), ("identity_percent", .bigint), ("internet_speed", .bigint),
            ("created_at_ms", .bigint),
        ])

    public func addCustomers(
        _ customers: [SandboxCustomer], environmentID: Int64, also: UnitStep?
    ) async throws {
        guard !customers.isEmpty else { return }
        do {
            try await database.write { tx in
                try also?(tx)
                let taken = try tx.db.first(
                    Self.takePositionsSQL, [.integer(environmentID), .int(customers.count)], { $0.int(0) })
                let first = (taken ?? 0) - Int64(customers.count) + 1
                let rows = customers.enumerated().map { index, customer in
                    Self.values(customer, environmentID, position: first + Int64(index))
                }
                try Self.addCustomers.run(rows, on: tx.db)
            }
        } catch let error as StorageError where error.code == .uniqueViolation {
            throw DomainError(.conflict, "A sandbox customer with this username exists already.", field: "username")
        } catch let error as StorageError where error.code == .foreignKey {
            throw DomainError.notFound("environment")
        }
    }

    private static func values(_ customer: SandboxCustomer, _ environmentID: Int64, position: Int64) -> [SQLValue] {
        let draft = customer.draft
        return [
            .integer(environmentID), .id(customer.id), .integer(position), .text(customer.institution),
            .text(draft.bank), .text(draft.name), .text(draft.username), .text(draft.password),
            .text(draft.kind.rawValue), .text(draft.volume.rawValue), .int(draft.accountCount), .int(draft.identity),
            .int(draft.internetSpeed), .at(customer.createdAt),
        ]
    }

    private static let customerByIDSQL = "SELECT \(customerColumns) WHERE environment_id = $1 AND id = $2"
    private static let customerByNameSQL = "SELECT \(customerColumns) WHERE environment_id = $1 AND username = $2"

    public func customer(id: ID<SandboxCustomer>, environmentID: Int64) async throws -> SandboxCustomer? {
        try await database.read { db in
            try db.first(Self.customerByIDSQL, [.integer(environmentID), .id(id)], Self.customer)
        }
    }

    public func customer(username: String, environmentID: Int64) async throws -> SandboxCustomer? {
        try await database.read { db in
            try db.first(Self.customerByNameSQL, [.integer(environmentID), .text(username)], Self.customer)
        }
    }

    private static let customerCountSQL = "SELECT customers FROM sandbox_counter WHERE environment_id = $1"
    /// Positions are dense, so a far page costs what the first costs.
    private static let customerPageSQL = """
        SELECT \(customerColumns) WHERE environment_id = $1 AND position <= $2 ORDER BY position DESC LIMIT $3
        """

    public func customers(
        page: Int, limit: Int, environmentID: Int64
    ) async throws -> (rows: [SandboxCustomer], total: Int64) {
        try await database.read { db in
            let total = try db.first(Self.customerCountSQL, [.integer(environmentID)], { $0.int(0) }) ?? 0
            let (skipped, overflow) = Int64(page - 1).multipliedReportingOverflow(by: Int64(limit))
            guard !overflow, page > 0, limit > 0, skipped < total else { return ([], total) }
            let values: [SQLValue] = [.integer(environmentID), .integer(total - skipped), .int(limit)]
            return (try db.query(Self.customerPageSQL, values, Self.customer), total)
        }
    }

    private static let takenSQL = "SELECT 1 FROM sandbox_customer WHERE environment_id = $1 AND username = $2"

    public func takenUsernames(_ names: [String], environmentID: Int64) async throws -> Set<String> {
        try await database.read { db in
            var taken: Set<String> = []
            for name in names
            where try db.first(Self.takenSQL, [.integer(environmentID), .text(name)], { $0.int(0) }) != nil {
                taken.insert(name)
            }
            return taken
        }
    }

    // MARK: logins

    private static let loginColumns = """
        login.environment_id, login.institution, login.username, login.opened_at_ms, login.refused_passwords, \
        login.refused_answers, login.locked_until_ms
        """

    private static func login(_ row: borrowing Row) -> SandboxLogin {
        SandboxLogin(
            user: SandboxUser(environmentID: row.int(0), institution: row.text(1), username: row.text(2)),
            openedAt: row.instant(3), refusedPasswords: Int(row.int(4)), refusedAnswers: Int(row.int(5)),
            lockedUntil: row.instantOrNil(6))
    }

    private static let loginSQL = """
        SELECT \(loginColumns) FROM sandbox_login login
        WHERE environment_id = $1 AND institution = $2 AND username = $3
        """

    static func key(_ user: SandboxUser) -> [SQLValue] {
        [.integer(user.environmentID), .text(user.institution), .text(user.username)]
    }

    private static func customer(_ user: SandboxUser, _ db: any SQLConnection) throws -> SandboxCustomer? {
        let found = try db.first(
            customerByNameSQL, [.integer(user.environmentID), .text(user.username)], Self.customer)
        return found?.institution == user.institution ? found : nil
    }

    public func door(_ user: SandboxUser) async throws -> SandboxDoor {
        let machine = runtime.now()
        return try await database.read { db in
            SandboxDoor(
                now: try Self.now(machine, user.environmentID, db), customer: try Self.customer(user, db),
                login: try db.first(Self.loginSQL, Self.key(user), Self.login),
                scenarios: try Self.scenarios(user, db))
        }
    }

    private static let openLoginSQL = """
        INSERT INTO sandbox_login (environment_id, institution, username, opened_at_ms) VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING
        """
    private static let openAccountSQL = """
        INSERT INTO sandbox_account (environment_id, institution, username, number) VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING
        """

    public func openLogin(
        _ user: SandboxUser, at now: Instant, accountNumbers: [String]
    ) async throws -> SandboxLogin {
        try await database.write { tx in
            try tx.db.run(Self.openLoginSQL, Self.key(user) + [.at(now)])
            for number in accountNumbers { try tx.db.run(Self.openAccountSQL, Self.key(user) + [.text(number)]) }
            guard let login = try tx.db.first(Self.loginSQL, Self.key(user), Self.login) else {
                throw DomainError.notFound("sandbox login")
            }
            return login
        }
    }

    /// A lock that has ended counts from one again.
    private static func refusalSQL(_ column: String) -> String {
        """
        UPDATE sandbox_login AS login SET
            \(column) = CASE WHEN locked_until_ms <= $4 THEN 1 ELSE \(column) + 1 END,
            locked_until_ms = CASE WHEN (CASE WHEN locked_until_ms <= $4 THEN 1 ELSE \(column) + 1 END) >= $5 THEN $6
                WHEN locked_until_ms <= $4 THEN NULL ELSE locked_until_ms END
        WHERE environment_id = $1 AND institution = $2 AND username = $3
        RETURNING environment_id, institution, username, opened_at_ms, refused_passwords, refused_answers,
            locked_until_ms
        """
    }
    private static let passwordRefusalSQL = refusalSQL("refused_passwords")
    private static let answerRefusalSQL = refusalSQL("refused_answers")

    public func countRefusal(
        _ user: SandboxUser, _ what: SandboxRefusal, max: Int, now: Instant, lockUntil: Instant
    ) async throws -> SandboxLogin {
        try await database.write { tx in
            let sql = what == .password ? Self.passwordRefusalSQL : Self.answerRefusalSQL
            let values = Self.key(user) + [.at(now), .int(max), .at(lockUntil)]
            guard let login = try tx.db.first(sql, values, Self.login) else {
                throw DomainError.notFound("sandbox login")
            }
            return login
        }
    }

    private static let clearSQL = """
        UPDATE sandbox_login SET refused_passwords = 0, refused_answers = 0, locked_until_ms = NULL
        WHERE environment_id = $1 AND institution = $2 AND username = $3
        """

    public func clearRefusals(_ user: SandboxUser) async throws {
        try await database.write { tx in _ = try tx.db.run(Self.clearSQL, Self.key(user)) }
    }

    private static let loginsByNameSQL = """
        SELECT \(loginColumns) FROM sandbox_login login
        WHERE environment_id = $1 AND username = $2 ORDER BY institution LIMIT 400
        """
    private static let loginsByNumberSQL = """
        SELECT \(loginColumns) FROM sandbox_account account JOIN sandbox_login login
            ON login.environment_id = account.environment_id AND login.username = account.username
            AND login.institution = account.institution
        WHERE account.environment_id = $1 AND account.number = $2 ORDER BY login.institution LIMIT 10
        """

    public func logins(username: String, environmentID: Int64) async throws -> [SandboxLogin] {
        try await database.read { db in
            try db.query(Self.loginsByNameSQL, [.integer(environmentID), .text(username)], Self.login)
        }
    }

    public func logins(accountNumber: String, environmentID: Int64) async throws -> [SandboxLogin] {
        try await database.read { db in
            try db.query(Self.loginsByNumberSQL, [.integer(environmentID), .text(accountNumber)], Self.login)
        }
    }
}

// MARK: grants and postings

extension SandboxStore {
    private static let addGrantSQL = """
        INSERT INTO sandbox_grant (environment_id, institution, username, id, accounts, access_hash,
            access_expires_at_ms, refresh_hash, previous_hash, generation, linked_at_ms, consent_expires_at_ms,
            push_url, push_secret)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        """

    public func addGrant(_ grant: SandboxGrant) async throws {
        let values: [SQLValue] = [
            .id(grant.id), .text(grant.accounts.joined(separator: ",")), .text(grant.accessHash),
            .at(grant.accessExpiresAt), .text(grant.refreshHash), .text(grant.previousHash),
            .integer(grant.generation), .at(grant.linkedAt), .at(grant.consentExpiresAt), .text(grant.pushURL),
            .text(grant.pushSecret),
        ]
        try await database.write { tx in _ = try tx.db.run(Self.addGrantSQL, Self.key(grant.user) + values) }
    }

    private static let grantColumns = """
        environment_id, institution, username, id, accounts, access_hash, access_expires_at_ms, refresh_hash, \
        previous_hash, generation, linked_at_ms, consent_expires_at_ms, ended, push_url, push_secret FROM sandbox_grant
        """

    private static func grant(_ row: borrowing Row) -> SandboxGrant {
        var grant = SandboxGrant(
            id: row.id(3),
            user: SandboxUser(environmentID: row.int(0), institution: row.text(1), username: row.text(2)),
            accounts: row.text(4).split(separator: ",").map(String.init), linkedAt: row.instant(10),
            consentExpiresAt: row.instantOrNil(11))
        grant.accessHash = row.text(5)
        grant.accessExpiresAt = row.instant(6)
        grant.refreshHash = row.text(7)
        grant.previousHash = row.textOrNil(8)
        grant.generation = row.int(9)
        grant.end = row.textOrNil(12).flatMap(SandboxGrant.End.init(rawValue:))
        grant.pushURL = row.textOrNil(13)
        grant.pushSecret = row.textOrNil(14)
        return grant
    }

    private static let grantSQL = "SELECT \(grantColumns) WHERE environment_id = $1 AND id = $2"

    public func visit(grantID: ID<SandboxGrant>, environmentID: Int64) async throws -> SandboxVisit? {
        let machine = runtime.now()
        return try await database.read { db in
            let now = try Self.now(machine, environmentID, db)
            guard let grant = try db.first(Self.grantSQL, [.integer(environmentID), .id(grantID)], Self.grant),
                let login = try db.first(Self.loginSQL, Self.key(grant.user), Self.login)
            else { return nil }
            return SandboxVisit(
                now: now, grant: grant, customer: try Self.customer(grant.user, db), login: login,
                history: try Self.history(grant.user, db), scenarios: try Self.scenarios(grant.user, db))
        }
    }

    private static let replaceTokensSQL = """
        UPDATE sandbox_grant SET access_hash = $4, access_expires_at_ms = $5, refresh_hash = $6, previous_hash = $7,
            generation = $8
        WHERE environment_id = $1 AND id = $2 AND generation = $3 AND ended IS NULL
        """

    public func replaceTokens(_ grant: SandboxGrant, ifGeneration generation: Int64) async throws -> Bool {
        let values: [SQLValue] = [
            .integer(grant.user.environmentID), .id(grant.id), .integer(generation), .text(grant.accessHash),
            .at(grant.accessExpiresAt), .text(grant.refreshHash), .text(grant.previousHash),
            .integer(grant.generation),
        ]
        return try await database.write { tx in try tx.db.run(Self.replaceTokensSQL, values) == 1 }
    }

    private static let endGrantSQL =
        "UPDATE sandbox_grant SET ended = $3 WHERE environment_id = $1 AND id = $2 AND ended IS NULL"

    public func endGrant(_ id: ID<SandboxGrant>, _ reason: SandboxGrant.End, environmentID: Int64) async throws {
        try await database.write { tx in
            _ = try tx.db.run(Self.endGrantSQL, [.integer(environmentID), .id(id), .text(reason.rawValue)])
        }
    }

    private static let subscribersSQL = """
        SELECT \(grantColumns) WHERE environment_id = $1 AND institution = $2 AND username = $3 AND ended IS NULL
            AND push_url IS NOT NULL ORDER BY linked_at_ms DESC LIMIT 100
        """

    public func subscribers(_ user: SandboxUser) async throws -> [SandboxGrant] {
        try await database.read { db in try db.query(Self.subscribersSQL, Self.key(user), Self.grant) }
    }

    private static let addPostingSQL = """
        INSERT INTO sandbox_posting (environment_id, id, number, institution, amount_minor, narration, channel,
            posted_at_ms)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """

    public func addPosting(_ posting: SandboxPosting, environmentID: Int64, also: UnitStep?) async throws {
        let values: [SQLValue] = [
            .integer(environmentID), .id(posting.id), .text(posting.accountNumber), .text(posting.institution),
            .integer(posting.amountMinor), .text(posting.narration), .text(posting.channel), .at(posting.postedAt),
        ]
        try await database.write { tx in
            try also?(tx)
            try tx.db.run(Self.addPostingSQL, values)
        }
    }

    private static let postingsSQL = """
        SELECT posting.id, posting.number, posting.institution, posting.amount_minor, posting.narration,
            posting.channel, posting.posted_at_ms
        FROM sandbox_account account JOIN sandbox_posting posting
            ON posting.environment_id = account.environment_id AND posting.number = account.number
            AND posting.institution = account.institution
        WHERE account.environment_id = $1 AND account.institution = $2 AND account.username = $3
        ORDER BY posting.posted_at_ms, posting.id
        """
    private static let linkingsSQL = """
        SELECT linked_at_ms FROM sandbox_grant WHERE environment_id = $1 AND institution = $2 AND username = $3
        ORDER BY linked_at_ms LIMIT \(linkingsMax)
        """

    private static func history(_ user: SandboxUser, _ db: any SQLConnection) throws -> SandboxHistory {
        let postings = try db.query(postingsSQL, key(user)) { row in
            SandboxPosting(
                id: row.id(0), accountNumber: row.text(1), institution: row.text(2), amountMinor: row.int(3),
                narration: row.text(4), channel: row.text(5), postedAt: row.instant(6))
        }
        return SandboxHistory(postings: postings, linkedAt: try db.query(linkingsSQL, key(user)) { $0.instant(0) })
    }

    public func history(_ user: SandboxUser) async throws -> SandboxHistory {
        try await database.read { db in try Self.history(user, db) }
    }
}
