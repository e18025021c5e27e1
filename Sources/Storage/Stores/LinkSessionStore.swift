import Domain

/// Whether a run of linking goes on (`active`), or how it ended.
public enum LinkStatus: String, Sendable { case active, done, failed, abandoned, expired }

/// One run of linking, as it is kept between steps.
public struct LinkSession: Sendable {
    public var id: String
    public var appID: ID<WidgetApp>
    /// Empty until one is chosen.
    public var institution: String
    public var connector: String
    public var status: LinkStatus
    /// The step as JSON (`Step.json`).
    public var step: String
    /// The connector's state, sealed.
    public var state: [UInt8]?
    /// What linking was asked for, as JSON.
    public var request: String
    public var consentText: String
    public var connectionID: ID<Connection>?
    public var revision: Int64
    /// An answer is being worked on until this moment of machine time, unless it ends sooner.
    public var busyUntil = Instant(ms: 0)
    /// The keyed hash of the answer that is being worked on.
    public var answerIndex: String?
    /// What the bank did not do for the last answer, as JSON; the step can be answered again.
    public var problem: String?
    /// Why the person ended it.
    public var reason: String?
    public var createdAt: Instant
    public var expiresAt: Instant

    public init(
        id: String, appID: ID<WidgetApp>, institution: String, connector: String, status: LinkStatus, step: String,
        state: [UInt8]?, request: String, consentText: String, connectionID: ID<Connection>?, revision: Int64,
        createdAt: Instant, expiresAt: Instant
    ) {
        self.id = id
        self.appID = appID
        self.institution = institution
        self.connector = connector
        self.status = status
        self.step = step
        self.state = state
        self.request = request
        self.consentText = consentText
        self.connectionID = connectionID
        self.revision = revision
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }
}

/// Link sessions, which outlive a restart between any two steps.
public enum LinkSessionStore {
    /// Inserts a session.
    public static func create(_ session: LinkSession, _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            """
            INSERT INTO link_session (environment_id, id, app_id, institution, connector, status, step, state, request,
                consent_text, revision, created_at_ms, expires_at_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
            """,
            [
                .integer(scope.environmentID), .text(session.id), .id(session.appID), .text(session.institution),
                .text(session.connector), .text(session.status.rawValue), .text(session.step), .blob(session.state),
                .text(session.request), .text(session.consentText), .integer(session.revision), .at(session.createdAt),
                .at(session.expiresAt),
            ])
    }

    private static let findSQL = """
        SELECT id, app_id, institution, connector, status, step, state, request, consent_text, connection_id, revision,
            created_at_ms, expires_at_ms, busy_until_ms, answer_index, problem, reason
        FROM link_session WHERE environment_id = $1 AND id = $2
        """

    /// nil when the environment has no such session.
    public static func find(_ id: String, _ scope: Scope, _ db: any SQLConnection) throws -> LinkSession? {
        try db.first(findSQL, [.integer(scope.environmentID), .text(id)]) { row in
            var session = LinkSession(
                id: row.text(0), appID: row.id(1), institution: row.text(2), connector: row.text(3),
                status: LinkStatus(rawValue: row.text(4)) ?? .failed, step: row.text(5), state: row.blobOrNil(6),
                request: row.text(7), consentText: row.text(8), connectionID: row.idOrNil(9), revision: row.int(10),
                createdAt: row.instant(11), expiresAt: row.instant(12))
            session.busyUntil = row.instant(13)
            session.answerIndex = row.textOrNil(14)
            session.problem = row.textOrNil(15)
            session.reason = row.textOrNil(16)
            return session
        }
    }

    /// The environment of a session that a browser names; the id itself is the secret.
    public static func environment(of id: String, _ db: any SQLConnection) throws -> Int64? {
        try db.first("SELECT environment_id FROM link_session WHERE id = $1 LIMIT 1", [.text(id)]) { $0.int(0) }
    }

    /// Takes the right to work on one revision until a moment, so that two answers at once count as one. A worker
    /// that never comes back holds it no longer than that.
    public static func claim(
        _ session: LinkSession, answerIndex: String?, now: Instant, until: Instant, _ scope: Scope, _ tx: Transaction
    ) throws -> Bool {
        try tx.db.run(
            """
            UPDATE link_session SET busy_until_ms = $5, answer_index = $7, problem = NULL
            WHERE environment_id = $1 AND id = $2 AND revision = $3 AND status = $6 AND busy_until_ms <= $4
            """,
            [
                .integer(scope.environmentID), .text(session.id), .integer(session.revision), .at(now), .at(until),
                .text(session.status.rawValue), .text(answerIndex),
            ]) == 1
    }

    /// Writes what a session became. Nothing happens when another answer came first; the caller reads the row again.
    /// - Returns: whether the row was still open and at `revision`.
    public static func advance(
        _ session: LinkSession, from revision: Int64, _ scope: Scope, _ tx: Transaction
    ) throws -> Bool {
        try tx.db.run(
            """
            UPDATE link_session SET status = $4, step = $5, state = $6, connection_id = $7, revision = $8,
                busy_until_ms = 0, answer_index = NULL, problem = NULL, consent_text = $9, institution = $10,
                connector = $11, reason = $12
            WHERE environment_id = $1 AND id = $2 AND revision = $3 AND status IN ('active', 'failed')
            """,
            [
                .integer(scope.environmentID), .text(session.id), .integer(revision), .text(session.status.rawValue),
                .text(session.step), .blob(session.state), .id(session.connectionID), .integer(session.revision),
                .text(session.consentText), .text(session.institution), .text(session.connector),
                .text(session.reason),
            ]) == 1
    }

    /// Frees a claim whose answer failed; the same step can be answered again. A claim that another worker took over
    /// stays.
    public static func unclaim(
        _ session: LinkSession, until: Instant, problem: String?, _ scope: Scope, _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            UPDATE link_session SET busy_until_ms = 0, answer_index = NULL, problem = $5
            WHERE environment_id = $1 AND id = $2 AND revision = $3 AND busy_until_ms = $4
            """,
            [
                .integer(scope.environmentID), .text(session.id), .integer(session.revision), .at(until),
                .text(problem),
            ])
    }

    /// Ends sessions that nobody finished; what the bank told is dropped with them.
    public static func expire(now: Instant, _ tx: Transaction) throws -> Int {
        try tx.db.run(
            """
            UPDATE link_session SET status = 'expired', state = NULL
            WHERE status = 'active'
              AND expires_at_ms <= $1 + (SELECT e.offset_ms FROM environment e WHERE e.id = link_session.environment_id)
            """, [.at(now)])
    }
}
