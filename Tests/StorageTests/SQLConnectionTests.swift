import Domain
import Storage
import TestKit
import Testing

/// What both drivers do alike.
struct SQLConnectionTests {
    private static let item = """
        CREATE TABLE item (id BIGINT PRIMARY KEY, name TEXT, data BYTEA, kind TEXT CHECK (kind IN ('a', 'b')),
            CONSTRAINT name_once UNIQUE (name));
        CREATE TABLE part (id BIGINT PRIMARY KEY, item_id BIGINT NOT NULL REFERENCES item (id));
        """
    private static let insert = "INSERT INTO item (id, name, data, kind) VALUES ($1, $2, $3, $4)"

    private static let samples: [(Int64, String, [UInt8])] = [
        (.max, "ọkùn ₦ 🫘", [0, 1, 255]), (.min, "", []), (0, "'\"\\;--", [UInt8](repeating: 7, count: 100_000)),
        (-1, "a\nb\tc", [0]),
    ]

    @Test("values come back as they went in", arguments: samples)
    func roundTrip(id: Int64, name: String, data: [UInt8]) async throws {
        try await onEveryDriver(Self.item) { test in
            let changed = try await test.database.write {
                try $0.db.run(Self.insert, [.integer(id), .string(name), .bytes(data), .null])
            }
            #expect(changed == 1)
            let found = try await test.database.read { db in
                try db.query("SELECT id, name, data, kind FROM item") {
                    ($0.int(0), $0.textOrNil(1), $0.blobOrNil(2), $0.textOrNil(3))
                }
            }
            #expect(found.count == 1)
            #expect(found.first?.0 == id)
            #expect(found.first?.1 == name)
            #expect(found.first?.2 == data)
            #expect(found.first?.3 == nil)
        }
    }

    @Test("NULL may come first or later in the place of any type")
    func nulls() async throws {
        try await onEveryDriver(Self.item) { test in
            try await test.database.write { tx in
                try tx.db.run(Self.insert, [.integer(1), .null, .null, .null])
                try tx.db.run(Self.insert, [.integer(2), .string("x"), .bytes([1]), .string("a")])
                try tx.db.run(Self.insert, [.integer(3), .null, .bytes([2]), .null])
            }
            let found = try await test.database.read { db in
                let sql = "SELECT id FROM item WHERE name IS NOT DISTINCT FROM $1 ORDER BY id"
                return try db.query(sql, [.null]) { $0.int(0) }
            }
            #expect(found == [1, 3])
            let empty = try await test.database.read { db in
                try db.first("SELECT name, data, kind FROM item WHERE id = 1") {
                    ($0.isNull(0), $0.text(0), $0.blob(1), $0.intOrNil(2))
                }
            }
            #expect(empty?.0 == true && empty?.1 == "" && empty?.2 == [] && empty?.3 == nil)
        }
    }

    @Test("$2 may stand before $1, and a value may be used twice")
    func placeholderOrder() async throws {
        try await onEveryDriver(Self.item) { test in
            let found = try await test.database.write { tx in
                try tx.db.run(
                    "INSERT INTO item (name, id, kind) VALUES ($2, $1, $3)",
                    [.integer(5), .string("five"), .string("a")])
                return try tx.db.first(
                    "SELECT id + $2, id FROM item WHERE name = $1 AND id < $2 LIMIT $3",
                    [.string("five"), .integer(10), .integer(1)]
                ) { [$0.int(0), $0.int(1)] }
            }
            #expect(found == [15, 5])
        }
    }

    @Test("too few values are refused")
    func valueCount() async throws {
        try await onEveryDriver(Self.item) { test in
            let code = await storageCode {
                let sql = "SELECT id FROM item WHERE id = $1 OR id = $2"
                return try await test.database.read { try $0.run(sql, [.integer(1)]) }
            }
            #expect(code == .other)
        }
    }

    @Test("rows changed or read are counted")
    func counts() async throws {
        try await onEveryDriver(Self.item) { test in
            try await test.database.write { tx in
                for id in 1...5 { try tx.db.run("INSERT INTO item (id) VALUES ($1)", [.int(id)]) }
                #expect(try tx.db.run("UPDATE item SET kind = 'a' WHERE id > $1", [.int(2)]) == 3)
                #expect(try tx.db.run("UPDATE item SET kind = 'a' WHERE id > $1", [.int(9)]) == 0)
                let again = "INSERT INTO item (id) VALUES ($1) ON CONFLICT DO NOTHING"
                #expect(try tx.db.run(again, [.int(1)]) == 0)
                #expect(try tx.db.run("DELETE FROM item WHERE id = 1 RETURNING id") == 1)
                #expect(try tx.db.run("SELECT id FROM item") == 4)
                let sums = try tx.db.query("SELECT count(*), sum(id) FROM item") { [$0.int(0), $0.int(1)] }
                #expect(sums == [[4, 14]])
            }
        }
    }

    @Test("sums are read as integers up to the ends of Int64", arguments: [
        [0], [9_999], [10_000], [1, 2, 3], [-123_456_789], [.max], [.min], [.max, -1], [-10_000, -20_000],
        [700_000_000, 300_000_000],
    ] as [[Int64]])
    func sums(values: [Int64]) async throws {
        try await onEveryDriver(Self.item) { test in
            let sum = try await test.database.write { tx in
                for value in values { try tx.db.run("INSERT INTO item (id) VALUES ($1)", [.integer(value)]) }
                return try tx.db.first("SELECT sum(id) FROM item") { $0.int(0) }
            }
            #expect(sum == values.reduce(0, +))
        }
    }

    @Test("a violated constraint has its own code, and the value is nowhere in the error")
    func constraints() async throws {
        try await onEveryDriver(Self.item) { test in
            try await test.database.write { tx in
                try tx.db.run(Self.insert, [.integer(1), .string("secret-name"), .null, .null])
            }
            let cases: [(String, [SQLValue], StorageError.Code)] = [
                (Self.insert, [.integer(1), .null, .null, .null], .uniqueViolation),
                (Self.insert, [.integer(2), .string("secret-name"), .null, .null], .uniqueViolation),
                (Self.insert, [.integer(3), .null, .null, .string("secret-kind")], .check),
                ("INSERT INTO part (id, item_id) VALUES ($1, $2)", [.integer(1), .integer(9)], .foreignKey),
                ("INSERT INTO part (id) VALUES ($1)", [.integer(1)], .check),
                (Self.insert, [.integer(4), .string("nul\0here"), .null, .null], .check),
                ("INSERT INTO nowhere VALUES ($1)", [.integer(1)], .other),
                ("SELEC", [], .other),
            ]
            for (sql, values, expected) in cases {
                do {
                    try await test.database.write { _ = try $0.db.run(sql, values) }
                    Issue.record("\(sql) was taken")
                } catch let error as StorageError {
                    #expect(error.code == expected, "\(sql) \(values) on \(test.database.dialect): \(error.detail)")
                    #expect(!String(reflecting: error).contains("secret-"))
                    #expect(!error.description.contains("item"))
                }
            }
            let left = try await test.database.read { try $0.query("SELECT id FROM item") { $0.int(0) } }
            #expect(left == [1])
        }
    }

    @Test("a statement may run inside its own forEach")
    func nested() async throws {
        try await onEveryDriver(Self.item) { test in
            let pairs = try await test.database.write { tx in
                for id in 1...3 { try tx.db.run("INSERT INTO item (id) VALUES ($1)", [.int(id)]) }
                var pairs: [[Int64]] = []
                let sql = "SELECT id FROM item WHERE id >= $1 ORDER BY id"
                try tx.db.forEach(sql, [.integer(2)]) { outer in
                    let left = outer.int(0)
                    try tx.db.forEach(sql, [.integer(left)]) { pairs.append([left, $0.int(0)]) }
                }
                return pairs
            }
            #expect(pairs == [[2, 2], [2, 3], [3, 3]])
        }
    }

    @Test("an error thrown for a row leaves the statement usable")
    func throwingBody() async throws {
        try await onEveryDriver(Self.item) { test in
            let found = try await test.database.write { tx in
                for id in 1...3 { try tx.db.run("INSERT INTO item (id) VALUES ($1)", [.int(id)]) }
                let sql = "SELECT id FROM item ORDER BY id"
                #expect(throws: DomainError.missing("x")) {
                    try tx.db.forEach(sql, []) { _ in throw DomainError.missing("x") }
                }
                return try tx.db.query(sql) { $0.int(0) }
            }
            #expect(found == [1, 2, 3])
        }
    }

    @Test("bulk rows are written whole, NULLs and empty texts included")
    func bulk() async throws {
        let statement = BulkStatement.insert(
            order: 1, into: "item", [("id", .bigint), ("name", .text), ("data", .bytea)],
            conflict: "ON CONFLICT (id) DO UPDATE SET name = excluded.name")
        try await onEveryDriver(Self.item) { test in
            let rows = (0..<1000).map { (index: Int) -> [SQLValue] in
                let name: SQLValue = index % 3 == 0 ? .null : .string("n{\"\(index),")
                let bytes: [UInt8] = index % 7 == 0 ? [] : [UInt8(index % 256)]
                return [.int(index), name, index % 5 == 0 ? .null : .bytes(bytes)]
            }
            try await test.database.write { tx in for row in rows { tx.append(statement, row) } }
            let found = try await test.database.read { db in
                try db.query("SELECT id, name, data FROM item ORDER BY id") {
                    [.integer($0.int(0)), .text($0.textOrNil(1)), .blob($0.blobOrNil(2))] as [SQLValue]
                }
            }
            #expect(found == rows)
            let changed = try await test.database.write { tx in
                try statement.run([[.integer(1), .string("new"), .null]], on: tx.db)
            }
            #expect(changed == 1)
            #expect(try await test.database.write { try statement.run([], on: $0.db) } == 0)
        }
    }

    @Test("texts order by their bytes and LIKE minds the case")
    func textOrder() async throws {
        try await onEveryDriver(Self.item) { test in
            let (order, like) = try await test.database.write { tx in
                for (id, name) in ["b", "B", "a", "é", "Z", "_"].enumerated() {
                    try tx.db.run("INSERT INTO item (id, name) VALUES ($1, $2)", [.int(id), .string(name)])
                }
                let order = try tx.db.query("SELECT name FROM item ORDER BY name") { $0.text(0) }
                return (order, try tx.db.query("SELECT name FROM item WHERE name LIKE 'b%'") { $0.text(0) })
            }
            #expect(order == ["B", "Z", "_", "a", "b", "é"])
            #expect(like == ["b"])
        }
    }

    @Test("a text where a number belongs is refused by a CHECK")
    func wrongTypes() async throws {
        let ddl = "CREATE TABLE amount (minor BIGINT NOT NULL CHECK (minor + 0 = minor AND minor BETWEEN -5 AND 5))"
        try await onEveryDriver(ddl) { test in
            for value in [SQLValue.string("many"), .integer(6)] {
                let code = await storageCode {
                    try await test.database.write { try $0.db.run("INSERT INTO amount VALUES ($1)", [value]) }
                }
                #expect(code == .check || code == .other)
            }
            let count = try await test.database.read { try $0.first("SELECT count(*) FROM amount") { $0.int(0) } }
            #expect(count == 0)
        }
    }

    @Test("the shared schema refuses wrong types and unknown words on both databases")
    func schemaChecks() async throws {
        try await onEveryDatabase { database in
            let code = await storageCode {
                try await database.write { tx in
                    try tx.db.run("INSERT INTO tenant (id, name, created_at_ms) VALUES ('t', 'T', 1)")
                    try tx.db.run(
                        """
                        INSERT INTO environment (id, tenant_id, kind, project_id, created_at_ms)
                        VALUES (1, 't', $1, 'p', 1)
                        """, [.string("staging")])
                }
            }
            #expect(code == .check)
            let tenants = try await database.read { try $0.first("SELECT count(*) FROM tenant") { $0.int(0) } }
            #expect(tenants == 0)
        }
    }
}
