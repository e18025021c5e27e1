import Domain

/// The income profile of one account, as it is kept.
public struct IncomeProfile: Sendable, Equatable {
    /// How far the one has got that was asked for last.
    public enum State: String, Sendable { case processing, ready, failed }

    public let id: String
    public let accountID: ID<Account>
    /// Whose key it is sealed under.
    public var connectionID: ID<Connection>
    public var state: State
    /// How far back was asked for; nil is all that the bank has.
    public var months: Int?
    /// Why the last one could not be made.
    public var error: String?
    /// nil while nobody has asked: the bank may make one of its own accord.
    public var askedAt: Instant?
    /// When the one that is kept came; nil while there is none.
    public var madeAt: Instant?
    /// Tells whether another one says something new.
    public var digest: String?
    public var sealed: [UInt8]?

    public init(
        id: String, accountID: ID<Account>, connectionID: ID<Connection>, state: State, months: Int? = nil,
        error: String? = nil, askedAt: Instant? = nil, madeAt: Instant? = nil, digest: String? = nil,
        sealed: [UInt8]? = nil
    ) {
        self.id = id
        self.accountID = accountID
        self.connectionID = connectionID
        self.state = state
        self.months = months
        self.error = error
        self.askedAt = askedAt
        self.madeAt = madeAt
        self.digest = digest
        self.sealed = sealed
    }
}

/// Income profiles: one row an account.
public enum IncomeStore {
    private static let findSQL = """
        SELECT id, connection_id, state, months, error, asked_at_ms, made_at_ms, digest, sealed FROM income
        WHERE environment_id = $1 AND account_id = $2
        """

    /// nil until one was asked for or came.
    public static func find(_ account: ID<Account>, _ scope: Scope, _ db: any SQLConnection) throws -> IncomeProfile? {
        try db.first(findSQL, [.integer(scope.environmentID), .id(account)]) { row in
            IncomeProfile(
                id: row.text(0), accountID: account, connectionID: row.id(1),
                state: IncomeProfile.State(rawValue: row.text(2)) ?? .failed, months: row.intOrNil(3).map { Int($0) },
                error: row.textOrNil(4), askedAt: row.instantOrNil(5), madeAt: row.instantOrNil(6),
                digest: row.textOrNil(7), sealed: row.blobOrNil(8))
        }
    }

    private static let putSQL = """
        INSERT INTO income (environment_id, account_id, id, connection_id, state, months, error, asked_at_ms,
            made_at_ms, digest, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (environment_id, account_id) DO UPDATE SET connection_id = excluded.connection_id,
            state = excluded.state, months = excluded.months, error = excluded.error,
            asked_at_ms = excluded.asked_at_ms, made_at_ms = excluded.made_at_ms, digest = excluded.digest,
            sealed = excluded.sealed
        """

    /// Stores a profile in the place of the one before; its id stays that of the first.
    public static func put(_ profile: IncomeProfile, _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            putSQL,
            [
                .integer(scope.environmentID), .id(profile.accountID), .text(profile.id), .id(profile.connectionID),
                .text(profile.state.rawValue), .int(profile.months.map { Int64($0) }), .text(profile.error),
                .at(profile.askedAt), .at(profile.madeAt), .text(profile.digest), .blob(profile.sealed),
            ])
    }

    /// Takes away what came by a connection.
    static let eraseSQL = "DELETE FROM income WHERE environment_id = $1 AND connection_id = $2"
}
