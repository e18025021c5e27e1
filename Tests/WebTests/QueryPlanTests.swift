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

    @Test("with a million transactions every list statement takes its index and reads a page, not the table")
    func million() async throws {
        try await onEveryDatabase { database in
            try await Fixture.fill(database)
            try await farPage(database)
            for (sql, index) in TransactionReads.planned {
                let plan = try await Fixture.plan(sql, database)
                let name = database.dialect == .sqlite ? index : Self.partitionIndex[index] ?? "?"
                #expect(plan.contains(name), "\(sql)\n\(plan)")
                // A search without an index of its own sorts what it found among the rows it may look at.
                let isSearch = sql.contains("AS newest")
                for word in ["Seq Scan", "SCAN account_transaction"] + (isSearch ? [] : ["TEMP B-TREE", "Sort "]) {
                    #expect(!plan.contains(word), "\(sql)\n\(plan)")
                }
            }
        }
    }

    @Test("the lists of the other nouns take an index too")
    func others() async throws {
        try await onEveryDatabase { database in
            try await Fixture.fillOthers(database)
            let statements =
                AccountReads.statements + ConnectionReads.statements + CustomerReads.statements
                + IdentityReads.statements
            for sql in statements {
                let plan = try await Fixture.plan(sql, database)
                #expect(plan.contains("USING INDEX") || plan.contains("Index"), "\(sql)\n\(plan)")
                for word in [
                    "Seq Scan on", "SCAN account\n", "SCAN connection\n", "SCAN customer\n", "SCAN identity\n",
                ] {
                    #expect(!plan.contains(word), "\(sql)\n\(plan)")
                }
            }
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
                ANALYZE;
                """)
        }
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
                INSERT INTO day_total (environment_id, list, day, count, credit_minor, debit_minor)
                    SELECT 1, 'transactions', booked_on, count(*), 0, 0 FROM account_transaction GROUP BY booked_on;
                INSERT INTO day_total (environment_id, list, day, count, credit_minor, debit_minor)
                    VALUES (1, 'transactions', '', \(QueryPlanTests.rows), 0, 0);
                ANALYZE;
                """)
        }
    }

    static func plan(_ sql: String, _ database: Database) async throws -> String {
        let values = sample(sql)
        return try await database.read { db in
            switch db.dialect {
            case .sqlite:
                return try db.query("EXPLAIN QUERY PLAN \(sql)", values) { $0.text(3) + "\n" }.joined()
            case .postgres:
                // Readers plan once for all values; this is that plan.
                let types = values.map { if case .integer = $0 { "bigint" } else { "text" } }.joined(separator: ", ")
                try db.script("DEALLOCATE ALL; PREPARE asked (\(types)) AS \(sql)")
                return try db.query("EXPLAIN \(literal("EXECUTE asked (\(places(values)))", values))", []) {
                    $0.text(0) + "\n"
                }.joined()
            }
        }
    }

    private static func places(_ values: [SQLValue]) -> String {
        values.indices.map { "$\($0 + 1)" }.joined(separator: ", ")
    }

    /// Values of the right type, judged by what they are compared with.
    private static func sample(_ sql: String) -> [SQLValue] {
        let count = (1...9).last { sql.contains("$\($0)") } ?? 0
        return (0..<count).map { index in
            let place = "$\(index + 1)"
            if index == 0 { return .integer(1) }
            if sql.contains("LIMIT \(place)") { return .integer(20) }
            if sql.contains("OFFSET \(place)") { return .integer(3) }
            if sql.contains("_minor = \(place)") || sql.contains("amount_minor >= \(place)")
                || sql.contains("amount_minor <= \(place)")
            {
                return .integer(100)
            }
            if sql.contains("<= \(place)") || sql.contains("< (\(place)") { return .string("2025-06-30") }
            if sql.contains("institution = \(place)") { return .string("access-bank") }
            if sql.contains(">= \(place)") { return .string("2024-01-01") }
            return .string(hex(7))
        }
    }

    /// The values in their places, as text.
    private static func literal(_ sql: String, _ values: [SQLValue]) -> String {
        values.indices.reversed().reduce(sql) { sql, index in
            let text =
                switch values[index] {
                case .integer(let number): String(number)
                case .string(let text): "'\(text)'"
                default: "NULL"
                }
            return sql.replacing("$\(index + 1)", with: text)
        }
    }
}
