import Connectors
import Domain
import Storage

/// Keeps what banks answered, sealed under the connection's key, for `keptDays`.
struct PayloadKeeper {
    static let keptDays: Int64 = 7
    /// A body may have a mebibyte, so a step forgets few of them.
    private static let prunedPerStep = 200
    private static let purpose = "payload"
    private static let listedMax = 500

    let core: Core

    /// In the step's own transaction: what was read is kept with what was made of it.
    func keep(
        _ payloads: [RawPayload], of connection: ID<Connection>, sealer: Sealer? = nil, _ scope: Scope,
        _ tx: Transaction
    ) throws {
        guard !payloads.isEmpty else { return }
        let sealer = try sealer ?? core.vault.sealer(scope.environmentID, connection.hex, on: tx.db)
        let now = core.runtime.now()
        for payload in payloads {
            let summary = PayloadStore.Summary(
                id: try core.sequence.take(), operation: payload.operation, byteCount: Int64(payload.byteCount),
                isTruncated: payload.isTruncated, fetchedAt: now)
            PayloadStore.append(
                summary, sealed: try sealer.seal(payload.body, purpose: Self.purpose), connection: connection, scope, tx
            )
        }
    }

    /// The newest first.
    func list(_ connection: ID<Connection>, _ scope: Scope) async throws -> [PayloadStore.Summary] {
        try await core.database.read { try PayloadStore.list(connection, limit: Self.listedMax, scope, $0) }
    }

    /// An answer and its body; nil when it is not kept, or not any more.
    func find(
        _ id: Int64, of connection: ID<Connection>, _ scope: Scope
    ) async throws -> (summary: PayloadStore.Summary, body: [UInt8])? {
        try await core.database.read { db in
            guard let found = try PayloadStore.find(id, of: connection, scope, db) else { return nil }
            let context = SealContext(
                environmentID: scope.environmentID, connectionID: connection.hex, purpose: Self.purpose)
            return (found.summary, try core.vault.open(found.sealed, context, on: db))
        }
    }

    /// - Returns: how many were forgotten.
    func prune() async throws -> Int {
        let before = core.runtime.now() + -Self.keptDays * Instant.dayMs
        var sum = 0
        while true {
            let count = try await core.database.write {
                try PayloadStore.prune(before: before, limit: Self.prunedPerStep, $0)
            }
            sum += count
            guard count == Self.prunedPerStep else { return sum }
        }
    }
}

extension ConnectionService {
    /// What the bank answered of late for a connection, the newest first; for operators.
    public func payloads(
        of id: String, in environment: Domain.Environment
    ) async throws -> [PayloadStore.Summary] {
        try await PayloadKeeper(core: core).list(known(id, environment), environment.scope)
    }

    /// One of them with its body, which is personal data.
    public func payload(
        _ number: Int64, of id: String, in environment: Domain.Environment
    ) async throws -> (summary: PayloadStore.Summary, body: [UInt8]) {
        let connection = try await known(id, environment)
        guard let found = try await PayloadKeeper(core: core).find(number, of: connection, environment.scope) else {
            throw DomainError.notFound("payload")
        }
        return found
    }

    private func known(_ id: String, _ environment: Domain.Environment) async throws -> ID<Connection> {
        guard let id = ID<Connection>(id),
            try await core.database.read({ try ConnectionStore.find(id, environment.scope, $0) }) != nil
        else { throw DomainError.notFound("connection") }
        return id
    }
}
