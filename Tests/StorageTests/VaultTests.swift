import Domain
import FoundationEssentials
import TestKit
import Testing

@testable import Storage

struct VaultTests {
    private let runtime = ManualRuntime()
    private static let key = String(repeating: "ab", count: 32)
    private static let source = MasterKeySource.value(key, variable: "KUBEWA_MASTER_KEY")
    private static let grant = SealContext(environmentID: 1, connectionID: "c1", purpose: "grant")
    private static let secret = Array("very secret".utf8)

    private func vault(_ database: Database, _ source: MasterKeySource = source) async throws -> Vault {
        try await Vault.open(source, database: database, runtime: runtime)
    }

    private func seal(
        _ vault: Vault, _ database: Database, _ context: SealContext = grant, _ plain: [UInt8] = secret
    ) async throws -> [UInt8] {
        try await database.write { try vault.seal(plain, context, on: $0.db) }
    }

    private func open(
        _ vault: Vault, _ database: Database, _ sealed: [UInt8], _ context: SealContext = grant
    ) async throws -> [UInt8] {
        try await database.read { try vault.open(sealed, context, on: $0) }
    }

    private func keyRows(_ database: Database) async throws -> Int64? {
        try await database.read { try $0.first("SELECT count(*) FROM data_key") { $0.int(0) } }
    }

    @Test("what is sealed opens again, also after a restart, and is never the same twice")
    func roundTrip() async throws {
        try await onEveryDatabase { database in
            let first = try await vault(database)
            for plain in [Self.secret, [], [UInt8](repeating: 9, count: 70_000)] {
                let sealed = try await seal(first, database, Self.grant, plain)
                let again = try await seal(first, database, Self.grant, plain)
                #expect(sealed != again)
                #expect(try await open(first, database, sealed) == plain)
                #expect(try await open(try await vault(database), database, sealed) == plain)
            }
            #expect(try await keyRows(database) == 1)
        }
    }

    @Test("a secret opens only for the environment, connection and purpose it was sealed for")
    func binding() async throws {
        try await onEveryDatabase { database in
            let vault = try await vault(database)
            let sealed = try await seal(vault, database)
            let others: [(SealContext, VaultError)] = [
                (SealContext(environmentID: 1, connectionID: "c1", purpose: "body"), .damaged),
                (SealContext(environmentID: 2, connectionID: "c1", purpose: "grant"), .shredded),
                (SealContext(environmentID: 1, connectionID: "c2", purpose: "grant"), .shredded),
                (SealContext(environmentID: 1, connectionID: nil, purpose: "grant"), .shredded),
            ]
            for (context, error) in others {
                await #expect(throws: error) { try await open(vault, database, sealed, context) }
            }
        }
    }

    @Test("a data key row that is copied to another connection does not unwrap there")
    func movedRow() async throws {
        try await onEveryDatabase { database in
            let sealed = try await seal(try await vault(database), database)
            try await database.write { tx in
                try tx.db.run(
                    """
                    INSERT INTO data_key (environment_id, connection_id, key_id, wrapped, created_at_ms)
                    SELECT 2, connection_id, key_id, wrapped, created_at_ms FROM data_key
                    """)
            }
            let stolen = SealContext(environmentID: 2, connectionID: "c1", purpose: "grant")
            let fresh = try await vault(database)
            await #expect(throws: VaultError.damaged) { try await open(fresh, database, sealed, stolen) }
        }
    }

    @Test("any changed byte is found")
    func tampering() async throws {
        try await onDatabase(.sqlite) { test in
            let vault = try await vault(test.database)
            let sealed = try await seal(vault, test.database)
            for index in sealed.indices {
                var changed = sealed
                changed[index] ^= 1
                await #expect(throws: VaultError.self, "byte \(index)") {
                    try await open(vault, test.database, changed)
                }
            }
            for count in 0..<sealed.count {
                await #expect(throws: VaultError.self) {
                    try await open(vault, test.database, Array(sealed.prefix(count)))
                }
            }
        }
    }

    @Test("shredding makes a connection's secrets unreadable and leaves the others")
    func shred() async throws {
        try await onEveryDatabase { database in
            let vault = try await vault(database)
            let other = SealContext(environmentID: 1, connectionID: "c2", purpose: "grant")
            let sealed = try await seal(vault, database)
            let kept = try await seal(vault, database, other)
            #expect(try await open(vault, database, sealed) == Self.secret)
            try await database.write { try vault.shred(1, "c1", on: $0.db) }
            await #expect(throws: VaultError.shredded) { try await open(vault, database, sealed) }
            #expect(try await open(vault, database, kept, other) == Self.secret)
            // A new secret of the same connection gets a new key; the old one stays gone.
            let new = try await seal(vault, database)
            #expect(try await open(vault, database, new) == Self.secret)
            await #expect(throws: VaultError.shredded) { try await open(vault, database, sealed) }
        }
    }

    @Test("a key whose unit was rolled back seals nothing afterwards")
    func rolledBack() async throws {
        try await onEveryDatabase { database in
            let vault = try await vault(database)
            await #expect(throws: DomainError.missing("x")) {
                try await database.write { tx in
                    _ = try vault.seal(Self.secret, Self.grant, on: tx.db)
                    // Read back, so that the key is kept in memory too.
                    _ = try vault.seal(Self.secret, Self.grant, on: tx.db)
                    throw DomainError.missing("x")
                }
            }
            #expect(try await keyRows(database) == 0)
            let sealed = try await seal(vault, database)
            #expect(try await keyRows(database) == 1)
            #expect(try await open(try await self.vault(database), database, sealed) == Self.secret)
        }
    }

    @Test("more connections than the cache holds still open")
    func cacheBound() async throws {
        try await onDatabase(.sqlite) { test in
            let vault = try await vault(test.database)
            @Sendable func context(_ number: Int) -> SealContext {
                SealContext(environmentID: 1, connectionID: "c\(number)", purpose: "p")
            }
            let count = Vault.cachedKeysMax + 500
            let sealed = try await test.database.write { tx in
                try (0..<count).map { number in
                    let sealed = try vault.seal([UInt8(number % 251)], context(number), on: tx.db)
                    _ = try vault.open(sealed, context(number), on: tx.db)
                    return sealed
                }
            }
            for number in [0, 1, count / 2, count - 1] {
                #expect(try await open(vault, test.database, sealed[number], context(number)) == [UInt8(number % 251)])
            }
        }
    }

    @Test("another master key is refused, by name, and harms nothing")
    func wrongKey() async throws {
        try await onEveryDatabase { database in
            let sealed = try await seal(try await vault(database), database)
            let other = MasterKeySource.value(String(repeating: "cd", count: 32), variable: "KUBEWA_MASTER_KEY")
            await #expect(throws: VaultError.keyDiffers(where: "KUBEWA_MASTER_KEY")) {
                try await vault(database, other)
            }
            #expect(try await open(try await vault(database), database, sealed) == Self.secret)
        }
    }

    @Test("look-up texts are the same after a restart, differ by purpose and by database")
    func index() async throws {
        var seen: Set<String> = []
        try await onEveryDatabase { database in
            let vault = try await vault(database)
            let text = vault.index("22123456789", purpose: "bvn")
            #expect(text.count == 64)
            #expect(try await self.vault(database).index("22123456789", purpose: "bvn") == text)
            #expect(vault.index("22123456789", purpose: "nuban") != text)
            #expect(vault.index("22123456780", purpose: "bvn") != text)
            seen.insert(text)
        }
        #expect(seen.count == 2)
    }

    @Test("two nodes that start at once agree on one index key")
    func together() async throws {
        try await onEveryTestDatabase { test in
            let other = try await test.reopened()
            let database = test.database
            async let one = vault(database)
            async let two = vault(other)
            let texts = [try await one.index("1", purpose: "p"), try await two.index("1", purpose: "p")]
            #expect(texts[0] == texts[1])
        }
    }
}
