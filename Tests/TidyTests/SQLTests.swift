import Testing

@Suite("SQL")
struct SQLTests {
    private let homes = ["Sources/Storage/Stores/", "Sources/Storage/Hot/", "Sources/Storage/Migrations/"]
    /// The drivers' own few statements, and the vault's, which lie under all stores.
    private let drivers: Set<String> = [
        "PostgresConnection.swift", "SQLiteConnection.swift", "SQLConnection.swift", "SequenceBlock.swift",
        "Transaction.swift", "Vault.swift",
    ]
    /// Where a statement may skip rows: it skips within one day, which has an end, and never from the list's start.
    private let skippingWithinOneDay: Set<String> = [
        "Sources/Storage/Stores/BoundedReads.swift", "Sources/Storage/Stores/TransactionReads.swift",
    ]

    @Test("SQL stands only in Storage's Stores, Hot and Migrations, and in its drivers")
    func home() {
        let statements = [
            "SELECT", "INSERT INTO", "UPDATE", "DELETE FROM", "CREATE TABLE", "ALTER TABLE", "DROP TABLE",
            "ON CONFLICT", "ORDER BY", "RETURNING",
        ]
        let findings = Repository.shared.swift(under: "Sources/").filter { file in
            let isDriver = file.path.hasPrefix("Sources/Storage/") && drivers.contains(file.name)
            return !file.isTest && !isDriver && !homes.contains { file.path.hasPrefix($0) }
        }.flatMap { file in
            statements.flatMap { statement in
                file.texts.lines(containing: statement).map {
                    Finding(path: file.path, line: $0, what: "`\(statement)` belongs to a store")
                }
            }
        }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("no statement counts rows or skips them")
    func countsAndOffsets() {
        var findings: [Finding] = []
        for file in Repository.shared.swift(under: "Sources/Storage/Stores/", "Sources/Storage/Hot/") {
            let mayOffset = skippingWithinOneDay.contains(file.path)
            for needle in ["COUNT(*)", "count(*)", "COUNT(1)"] + (mayOffset ? [] : ["OFFSET"]) {
                findings += file.texts.lines(containing: needle).map {
                    Finding(path: file.path, line: $0, what: "`\(needle)` costs more the longer the list is")
                }
            }
        }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("SQL that both databases run has no words of only one")
    func sharedDialect() {
        let words = ["now()", "datetime(", "CURRENT_TIMESTAMP", "ILIKE", "SERIAL", "BIGSERIAL", "JSONB", "SELECT *"]
        let findings = Repository.shared.swift(under: "Sources/Storage/Stores/", "Sources/Storage/Migrations/M0")
            .flatMap { file in
                words.flatMap { word in
                    file.texts.lines(containing: word).map {
                        Finding(path: file.path, line: $0, what: "`\(word)` is not in the shared dialect")
                    }
                }
            }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("migrations are numbered 1, 2, 3 … without gaps or doubles, and all are listed")
    func migrations() {
        let names = Repository.shared.swift(under: "Sources/Storage/Migrations/M").map(\.name)
        let numbers = names.compactMap { name -> Int? in
            name.count > 6 && name.dropFirst(5).first == "_" ? Int(name.dropFirst().prefix(4)) : nil
        }.sorted()
        #expect(!numbers.isEmpty)
        #expect(numbers == Array(1...max(1, numbers.count)), "\(names)")
        let listed = Repository.shared.text("Sources/Storage/Migrations/Migrations.swift") ?? ""
        for number in numbers {
            let digits = String(number)
            let name = "m" + String(repeating: "0", count: 4 - digits.count) + digits
            #expect(listed.contains(name), "\(name) is not in Migrations.all")
        }
    }
}
