import Domain
import Engine
import Storage
import TestKit
import Testing

@Suite("Plans of the reading statements")
struct QueryPlanTests {
    static let rows = 1_000_000
    static let accounts = 200

    /// PostgreSQL names a partition's index after its columns, shortened.
    private static let partitionIndex = [
        "transaction_by_account": "_environment_id_account_id_book",
        "transaction_by_customer": "_environment_id_customer_id_book",
        "transaction_by_institution": "_environment_id_institution_book",
        "transaction_by_day": "_environment_id_booked_on",
    ]

    /// What the stores run for a page: once for the first page, once for a later one between days.
    private typealias Run = @Sendable (PageRequest, any SQLConnection) throws -> Void

    private static let pages = [
        PageRequest(), PageRequest(page: 2, limit: 20, from: LocalDate("2024-02-01"), to: LocalDate("2025-06-30")),
    ]

    private static func transactions(_ filter: TransactionFilter) -> Run {
        { _ = try TransactionReads.list(filter, $0, Fixture.scope, $1) { _ in } }
    }

    private static let lists: [(index: String, run: Run)] = [
        ("transaction_by_day", transactions(.all)),
        ("transaction_by_account", transactions(.account(Fixture.hex(7)))),
        ("transaction_by_customer", transactions(.customer(Fixture.hex(7)))),
        ("transaction_by_institution", transactions(.institution("access-bank"))),
        ("transaction_by_day", { _ = try TransactionReads.amount(100...200, $0, Fixture.scope, $1) { _ in } }),
        (
            "transaction_by_account",
            { page, db in
                let cursor = TransactionReads.Cursor(
                    account: Fixture.hex(7), day: "2025-06-30", id: Fixture.hex(7), from: "2024-01-01")
                try TransactionReads.after(cursor, limit: page.limit, Fixture.scope, db) { _ in }
            }
        ),
    ]

    @Test("with a million transactions every list statement takes its index and reads a page, not the table")
    func million() async throws {
        try await onEveryDatabase { database in
            try await Fixture.fill(database)
            try await farPage(database)
            for (index, run) in Self.lists {
                let name = database.dialect == .sqlite ? index : Self.partitionIndex[index] ?? "?"
                for page in Self.pages {
                    let plans = try await plans(database) { try run(page, $0) }
                    #expect(plans.contains { $0.plan.contains(name) }, "\(index) \(page): \(plans)")
                    for (sql, plan) in plans {
                        // A search without an index of its own sorts what it found among the rows it may look at.
                        let sorts = sql.contains("AS newest") || sql.contains("FROM day_total")
                        let words = ["Seq Scan", "SCAN account_transaction"] + (sorts ? [] : ["TEMP B-TREE", "Sort "])
                        for word in words { #expect(!plan.contains(word), "\(sql)\n\(plan)") }
                    }
                }
            }
        }
    }

    private static let accountLists: [AccountFilter] = [
        .all, .id(Fixture.hex(7)), .balanceID(Fixture.hex(7)), .customer(Fixture.hex(7)), .connection(Fixture.hex(7)),
        .number(index: Fixture.hex(7)), .institution("access-bank"), .name("Ada"), .ledger(minor: 100),
        .available(minor: 100),
    ]
    private static let connectionLists: [ConnectionFilter] = [
        .all, .id(Fixture.hex(7)), .authID(Fixture.hex(7)), .customer(Fixture.hex(7)), .institution("access-bank"),
    ]
    private static let customerLists: [CustomerFilter] = [
        .all, .id(Fixture.hex(7)), .bvn(index: Fixture.hex(7)), .name("Ada"),
    ]
    private static let identityLists: [IdentityFilter] = [
        .all, .id(Fixture.hex(7)), .customer(Fixture.hex(7)), .connection(Fixture.hex(7)), .bvn(index: Fixture.hex(7)),
    ]

    private static var others: [Run] {
        var runs: [Run] = []
        for filter in accountLists { runs.append { _ = try AccountReads.list(filter, $0, Fixture.scope, $1) { _ in } } }
        for filter in connectionLists {
            runs.append { _ = try ConnectionReads.list(filter, $0, Fixture.scope, $1) { _ in } }
        }
        for filter in customerLists {
            runs.append { _ = try CustomerReads.list(filter, $0, Fixture.scope, $1) { _ in } }
        }
        for filter in identityLists {
            runs.append { _ = try IdentityReads.list(filter, $0, Fixture.scope, $1) { _ in } }
        }
        return runs
    }

    @Test("the lists of the other nouns take an index too")
    func others() async throws {
        try await onEveryDatabase { database in
            try await Fixture.fillOthers(database)
            for run in Self.others {
                let plans = try await plans(database) { try run(PageRequest(), $0) }
                #expect(plans.contains { !$0.sql.contains("FROM day_total") }, "no row was looked for: \(plans)")
                for (sql, plan) in plans {
                    #expect(plan.contains("INDEX ") || plan.contains("Index"), "\(sql)\n\(plan)")
                    for word in [
                        "Seq Scan on", "SCAN account\n", "SCAN connection\n", "SCAN customer\n", "SCAN identity\n",
                    ] {
                        #expect(!plan.contains(word), "\(sql)\n\(plan)")
                    }
                }
            }
        }
    }

    /// The plans of all that is run, as a reading connection makes them.
    private func plans(
        _ database: Database, _ run: @escaping @Sendable (any SQLConnection) throws -> Void
    ) async throws -> [(sql: String, plan: String)] {
        try await database.read { db in
            let recorder = StatementRecorder(db)
            try run(recorder)
            return try recorder.plans()
        }
    }

    private func farPage(_ database: Database) async throws {
        let page = PageRequest(page: 20_000, limit: 20)
        let place = try await database.read { try DayPager.place("transactions", page, Fixture.scope, $0) }
        #expect(place.total == Int64(Self.rows))
        #expect(place.offset < Int64(Self.rows) / 500, "an offset stays within one day: \(place)")
        let shown = try await database.read { db in
            var rows: [String] = []
            _ = try TransactionReads.list(.all, page, Fixture.scope, db) { rows.append($0.text(8) + $0.text(0)) }
            return rows
        }
        #expect(shown.count == 20)
        #expect(shown == shown.sorted(by: >))
    }
}

/// Rows made by the databases themselves, so that a million take seconds.
private enum Fixture {
    static let scope = Environment(
        id: 1, tenantID: ID(trusted: hex(1)), projectID: ID(trusted: hex(1)), kind: .sandbox, offsetMs: 0,
        businessName: "x"
    ).scope

    static func hex(_ number: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: 24 - text.count) + text
    }

    private static func series(_ count: Int, _ dialect: Dialect) -> String {
        dialect == .postgres
            ? "SELECT n FROM generate_series(0, \(count - 1)) AS s (n)"
            : "WITH RECURSIVE s (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < \(count - 1)) SELECT n FROM s"
    }

    private static func padded(_ expression: String, _ dialect: Dialect) -> String {
        dialect == .postgres ? "lpad(to_hex(\(expression)), 24, '0')" : "printf('%024x', \(expression))"
    }

    private static func day(_ expression: String, _ dialect: Dialect) -> String {
        dialect == .postgres
            ? "to_char(DATE '2024-01-01' + \(expression), 'YYYY-MM-DD')"
            : "date('2024-01-01', '+' || (\(expression)) || ' days')"
    }

    static func fillOthers(_ database: Database) async throws {
        let dialect = database.dialect
        let id = padded("n", dialect)
        let on = day("n % 700", dialect)
        let connections = QueryPlanTests.accounts * 200
        try await database.write { tx in
            try tx.db.script(
                """
                INSERT INTO tenant (id, name, created_at_ms) VALUES ('\(hex(1))', 'x', 0);
                INSERT INTO environment (id, tenant_id, kind, project_id, created_at_ms)
                    VALUES (1, '\(hex(1))', 'sandbox', '\(hex(1))', 0);
                INSERT INTO customer (environment_id, id, name, bvn_index, created_on, created_at_ms, updated_at_ms)
                    SELECT 1, \(id), 'Ada', \(id), \(on), 0, 0 FROM (\(series(connections, dialect))) AS x;
                INSERT INTO connection (environment_id, id, auth_id, customer_id, app_id, institution, connector,
                    status, products, login_type, history_months, created_on, created_at_ms, updated_at_ms)
                    SELECT 1, \(id), \(id), \(id), 'a', 'access-bank', 'sandbox', 'active', '', 'ind', 24, \(on), 0, 0
                    FROM (\(series(connections, dialect))) AS x;
                INSERT INTO account (environment_id, id, balance_id, connection_id, customer_id, institution,
                    upstream_id, number_index, currency, status, created_on, created_at_ms, updated_at_ms)
                    SELECT 1, \(id), \(id), \(id), \(id), 'access-bank', 'u', \(id), 'NGN', 'active', \(on), 0, 0
                    FROM (\(series(connections, dialect))) AS x;
                INSERT INTO identity (environment_id, id, connection_id, customer_id, bvn_index, sealed, digest,
                    created_on, created_at_ms, updated_at_ms) SELECT 1, \(id), \(id), \(id), \(id), '', '', \(on), 0, 0
                    FROM (\(series(connections, dialect))) AS x;
                \(["account", "connection", "customer", "identity"].map(totals).joined())
                ANALYZE;
                """)
        }
    }

    /// The totals of a noun's list, by day and whole.
    private static func totals(_ table: String) -> String {
        let list = table == "identity" ? "identities" : table + "s"
        return totals(list, "SELECT created_on AS day FROM \(table)")
    }

    private static func totals(of column: String, _ value: String, _ name: String) -> String {
        totals("\(name):\(value)", "SELECT booked_on AS day FROM account_transaction WHERE \(column) = '\(value)'")
    }

    private static func totals(_ list: String, _ days: String) -> String {
        """
        INSERT INTO day_total (environment_id, list, day, count, credit_minor, debit_minor)
            SELECT 1, '\(list)', day, count(*), 0, 0 FROM (\(days)) AS x GROUP BY day;
        INSERT INTO day_total (environment_id, list, day, count, credit_minor, debit_minor)
            SELECT 1, '\(list)', '', count(*), 0, 0 FROM (\(days)) AS x;

        """
    }

    static func fill(_ database: Database) async throws {
        let dialect = database.dialect
        let accounts = QueryPlanTests.accounts
        try await database.write { tx in
            try tx.db.script(
                """
                INSERT INTO tenant (id, name, created_at_ms) VALUES ('\(hex(1))', 'x', 0);
                INSERT INTO environment (id, tenant_id, kind, project_id, created_at_ms)
                    VALUES (1, '\(hex(1))', 'sandbox', '\(hex(1))', 0);
                INSERT INTO account_transaction (environment_id, id, connection_id, account_id, customer_id,
                    institution, status, amount_minor, currency, booked_on, description, revision, created_at_ms,
                    updated_at_ms)
                    SELECT 1, \(padded("n", dialect)), \(padded("n % \(accounts)", dialect)),
                        \(padded("n % \(accounts)", dialect)), \(padded("n % \(accounts)", dialect)),
                        CASE WHEN n % 2 = 0 THEN 'access-bank' ELSE 'kuda-bank' END, 'booked', n % 100000 - 50000,
                        'NGN',
                        \(day("n * 700 / \(QueryPlanTests.rows)", dialect)), 'POS PURCHASE', 1, 0, 0
                    FROM (\(series(QueryPlanTests.rows, dialect))) AS x;
                \(totals("transactions", "SELECT booked_on AS day FROM account_transaction"))
                \(totals(of: "account_id", hex(7), "account"))
                \(totals(of: "customer_id", hex(7), "customer"))
                \(totals(of: "institution", "access-bank", "bank"))
                ANALYZE;
                """)
        }
    }
}
