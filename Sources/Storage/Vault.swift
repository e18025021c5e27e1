import Crypto
import Domain
import FoundationEssentials
import Synchronization

/// Seals secrets under a data key per connection; the data keys are wrapped by the master key, which the database
/// never sees. Destroying a data key destroys all that was sealed under it, in backups too.
public final class Vault: Sendable {
    public static let cachedKeysMax = 4096

    private let wrapping: SymmetricKey
    private let indexing: SymmetricKey
    private let runtime: any Runtime
    private let cache = Mutex(KeyCache(max: cachedKeysMax))

    private init(wrapping: SymmetricKey, indexing: SymmetricKey, runtime: any Runtime) {
        self.wrapping = wrapping
        self.indexing = indexing
        self.runtime = runtime
    }

    /// Loads the master key and checks it against the database, which must be migrated. When the database holds
    /// nothing sealed, a missing key file is made and the key's fingerprint is kept.
    /// - Throws: `VaultError` with a sentence that says what to do.
    public static func open(
        _ source: MasterKeySource, database: Database, runtime: any Runtime
    ) async throws -> Vault {
        let known = try await database.read { db in try meta(fingerprintName, db) }
        let master = try source.load(mayMake: known == nil, random: runtime.randomBytes)
        let fingerprint = derive(master, "kubewa master key fingerprint")
        let wrapping = SymmetricKey(data: derive(master, "kubewa wrapping key"))
        if known == nil {
            // Two nodes may start at once: the first row stays, and the second node is told if its key is another.
            let index = try SealedBox.seal(
                runtime.randomBytes(MasterKeySource.bytesCount), keyID: 0, key: wrapping, bound: indexBound,
                random: runtime.randomBytes)
            try await database.write { tx in
                guard try meta(fingerprintName, tx.db) == nil else { return }
                for (name, value) in [(fingerprintName, fingerprint), (indexName, index)] {
                    try tx.db.run(putMetaSQL, [.text(name), .blob(value)])
                }
            }
        }
        let (kept, wrapped) = try await database.read(snapshot: true) { db in
            (try meta(fingerprintName, db), try meta(indexName, db))
        }
        guard kept == fingerprint, let wrapped else { throw VaultError.keyDiffers(where: source.place) }
        let indexing = SymmetricKey(data: try SealedBox.open(wrapped, key: wrapping, bound: indexBound))
        return Vault(wrapping: wrapping, indexing: indexing, runtime: runtime)
    }

    /// Seals under the newest data key of the context's connection, and makes one when there is none.
    /// Call inside the unit that writes what is sealed.
    public func seal(_ plain: [UInt8], _ context: SealContext, on db: any SQLConnection) throws -> [UInt8] {
        try sealer(context.environmentID, context.connectionID, on: db).seal(plain, purpose: context.purpose)
    }

    /// For several secrets of one connection in one unit: its key is looked up once. Do not keep it longer.
    public func sealer(
        _ environmentID: Int64, _ connectionID: String?, on db: any SQLConnection
    ) throws -> Sealer {
        let owner = KeyOwner(environmentID: environmentID, connectionID: connectionID ?? "")
        let values: [SQLValue] = [.integer(environmentID), .text(owner.connectionID)]
        // The row decides, never the cache: a key whose unit was rolled back must not seal anything.
        if let (id, wrapped) = try db.first(Self.newestSQL, values, { ($0.int(0), $0.blob(1)) }) {
            return Sealer(owner: owner, keyID: id, key: try unwrap(wrapped, owner, id), runtime: runtime)
        }
        let id = newKeyID()
        let plain = runtime.randomBytes(MasterKeySource.bytesCount)
        let wrapped = try SealedBox.seal(
            plain, keyID: id, key: wrapping, bound: owner.bound(id), random: runtime.randomBytes)
        try db.run(Self.putKeySQL, values + [.integer(id), .blob(wrapped), .at(runtime.now())])
        return Sealer(owner: owner, keyID: id, key: SymmetricKey(data: plain), runtime: runtime)
    }

    /// - Throws: `VaultError.shredded` when the key is gone, `.damaged` when the context is not the one it was
    ///   sealed for.
    public func open(_ sealed: [UInt8], _ context: SealContext, on db: any SQLConnection) throws -> [UInt8] {
        let owner = KeyOwner(environmentID: context.environmentID, connectionID: context.connectionID ?? "")
        let id = try SealedBox.keyID(sealed)
        let key = try cached(owner, id) ?? load(owner, id, on: db)
        return try SealedBox.open(sealed, key: key, bound: owner.bound(id, context.purpose))
    }

    /// The keys under which secrets of many connections are sealed, read at once. They are not kept: what comes round
    /// in turn would only push out of the cache what is asked for often.
    /// - Returns: by connection; those whose key is gone or damaged are left out, and whoever opens the secret is told.
    func sealers(
        of secrets: [(id: String, sealed: [UInt8])], _ environmentID: Int64, on db: any SQLConnection
    ) throws -> [String: Sealer] {
        var wanted: [(connection: String, id: Int64)] = []
        for secret in secrets {
            do {
                wanted.append((secret.id, try SealedBox.keyID(secret.sealed)))
            } catch {
                continue
            }
        }
        var found: [String: Sealer] = [:]
        try DataKeys.each(wanted, environmentID, db) { connection, id, wrapped in
            let owner = KeyOwner(environmentID: environmentID, connectionID: connection)
            do {
                let key = SymmetricKey(data: try SealedBox.open(wrapped, key: wrapping, bound: owner.bound(id)))
                found[connection] = Sealer(owner: owner, keyID: id, key: key, runtime: runtime)
            } catch is VaultError {
                return
            }
        }
        return found
    }

    /// What a text is looked up by without keeping it: nobody can enumerate the few digits of a number without
    /// the index key.
    public func index(_ text: String, purpose: String) -> String {
        let code = HMAC<SHA256>.authenticationCode(
            for: SealedBox.bound([purpose, text], keyID: 0), using: indexing)
        return Hex.encode(Array(code))
    }

    /// Destroys a connection's data keys. Call inside the unit that removes the connection.
    public func shred(_ environmentID: Int64, _ connectionID: String, on db: any SQLConnection) throws {
        try db.run(Self.shredSQL, [.integer(environmentID), .text(connectionID)])
        cache.withLock { $0.remove(KeyOwner(environmentID: environmentID, connectionID: connectionID)) }
    }

    // MARK: Data keys

    private func cached(_ owner: KeyOwner, _ id: Int64) -> SymmetricKey? {
        cache.withLock { $0.find(owner, id) }
    }

    private func load(_ owner: KeyOwner, _ id: Int64, on db: any SQLConnection) throws -> SymmetricKey {
        let values: [SQLValue] = [.integer(owner.environmentID), .text(owner.connectionID), .integer(id)]
        guard let wrapped = try db.first(Self.findKeySQL, values, { $0.blob(0) }) else { throw VaultError.shredded }
        return try unwrap(wrapped, owner, id)
    }

    /// Only keys read from rows are kept. Should that row's unit be rolled back, the kept key does no harm: its id
    /// is random and is never given to another key.
    private func unwrap(_ wrapped: [UInt8], _ owner: KeyOwner, _ id: Int64) throws -> SymmetricKey {
        if let known = cached(owner, id) { return known }
        let key = SymmetricKey(data: try SealedBox.open(wrapped, key: wrapping, bound: owner.bound(id)))
        cache.withLock { $0.keep(key, owner, id) }
        return key
    }

    /// 63 random bits.
    private func newKeyID() -> Int64 { runtime.randomBytes(8).reduce(0) { $0 << 8 | Int64($1) } & .max }

    // MARK: What the database keeps

    private static let fingerprintName = "master_fingerprint"
    private static let indexName = "index_key"
    private static let indexBound = SealedBox.bound(["index key"], keyID: 0)

    private static func meta(_ name: String, _ db: any SQLConnection) throws -> [UInt8]? {
        try db.first(metaSQL, [.text(name)]) { $0.blob(0) }
    }

    private static func derive(_ master: SymmetricKey, _ purpose: String) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array(purpose.utf8), using: master))
    }

    private static let metaSQL = "SELECT value FROM vault_meta WHERE name = $1"
    private static let putMetaSQL = "INSERT INTO vault_meta (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING"
    private static let newestSQL = """
        SELECT key_id, wrapped FROM data_key WHERE environment_id = $1 AND connection_id = $2
        ORDER BY created_at_ms DESC, key_id DESC LIMIT 1
        """
    private static let findKeySQL = """
        SELECT wrapped FROM data_key WHERE environment_id = $1 AND connection_id = $2 AND key_id = $3
        """
    private static let putKeySQL = """
        INSERT INTO data_key (environment_id, connection_id, key_id, wrapped, created_at_ms)
        VALUES ($1, $2, $3, $4, $5)
        """
    private static let shredSQL = "DELETE FROM data_key WHERE environment_id = $1 AND connection_id = $2"
}

/// Seals under one data key. It lives no longer than the unit that asked for it, or than one that holds the connection
/// as it was when a reader asked.
public struct Sealer: Sendable {
    fileprivate let owner: KeyOwner
    fileprivate let keyID: Int64
    fileprivate let key: SymmetricKey
    fileprivate let runtime: any Runtime

    /// Seals bytes for one purpose: they open only with the same one.
    public func seal(_ plain: [UInt8], purpose: String) throws -> [UInt8] {
        let bound = owner.bound(keyID, purpose)
        return try SealedBox.seal(plain, keyID: keyID, key: key, bound: bound, random: runtime.randomBytes)
    }

    /// Opens what was sealed for the purpose.
    /// - Returns: nil when it was sealed under another key.
    public func open(_ sealed: [UInt8], purpose: String) throws -> [UInt8]? {
        guard try SealedBox.keyID(sealed) == keyID else { return nil }
        return try SealedBox.open(sealed, key: key, bound: owner.bound(keyID, purpose))
    }
}
