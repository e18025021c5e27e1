import Domain

/// A URL that opens the widget without keys in a page: made by a customer, or for one connection to be repaired.
public struct WidgetLink: Sendable, Equatable {
    /// Made by a customer for an app, or by Kubewa for a connection whose person must log in again.
    public enum Kind: String, Sendable { case app, reauth }

    public var id: ID<WidgetLink>
    public var slug: String
    public var kind: Kind
    public var appID: ID<WidgetApp>
    /// The connection that it repairs.
    public var connectionID: ID<Connection>?
    public var name: String
    /// The widget's options, as JSON.
    public var options: String
    public var isSingleUse: Bool
    /// How many link sessions it began.
    public var sessions: Int64 = 0
    /// Machine time, as all its times.
    public var expiresAt: Instant?
    public var usedAt: Instant?
    public var createdAt: Instant

    public init(
        id: ID<WidgetLink>, slug: String, kind: Kind, appID: ID<WidgetApp>, connectionID: ID<Connection>?,
        name: String, options: String, isSingleUse: Bool, expiresAt: Instant?, createdAt: Instant
    ) {
        self.id = id
        self.slug = slug
        self.kind = kind
        self.appID = appID
        self.connectionID = connectionID
        self.name = name
        self.options = options
        self.isSingleUse = isSingleUse
        self.expiresAt = expiresAt
        self.createdAt = createdAt
    }
}

/// Widget links; a slug is unique over all environments.
public enum WidgetLinkStore {
    private static let columns = """
        id, slug, kind, app_id, connection_id, name, options, is_single_use, sessions, expires_at_ms, used_at_ms,
        created_at_ms
        """

    private static func link(_ row: borrowing Row) -> WidgetLink {
        var link = WidgetLink(
            id: row.id(0), slug: row.text(1), kind: WidgetLink.Kind(rawValue: row.text(2)) ?? .app, appID: row.id(3),
            connectionID: row.idOrNil(4), name: row.text(5), options: row.text(6), isSingleUse: row.bool(7),
            expiresAt: row.instantOrNil(9), createdAt: row.instant(11))
        link.sessions = row.int(8)
        link.usedAt = row.instantOrNil(10)
        return link
    }

    /// Inserts a link that was not opened yet.
    public static func create(_ link: WidgetLink, _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            """
            INSERT INTO widget_link (environment_id, id, slug, kind, app_id, connection_id, name, options,
                is_single_use, expires_at_ms, created_at_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            """,
            [
                .integer(scope.environmentID), .id(link.id), .text(link.slug), .text(link.kind.rawValue),
                .id(link.appID), .id(link.connectionID), .text(link.name), .text(link.options),
                .flag(link.isSingleUse), .at(link.expiresAt), .at(link.createdAt),
            ])
    }

    private static let slugSQL = "SELECT \(columns), environment_id FROM widget_link WHERE slug = $1"

    /// Who opens a link knows nothing but its slug, which is the secret.
    public static func find(
        slug: String, _ db: any SQLConnection
    ) throws -> (link: WidgetLink, environmentID: Int64)? {
        try db.first(slugSQL, [.text(slug)]) { (link($0), $0.int(12)) }
    }

    private static let listSQL = """
        SELECT \(columns) FROM widget_link WHERE environment_id = $1 AND kind = 'app' AND id < $2
        ORDER BY id DESC LIMIT $3
        """

    /// Short links, newest first; re-authentication links are not listed.
    public static func list(
        before id: String?, limit: Int, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [WidgetLink] {
        // "g" comes behind every hexadecimal digit.
        try db.query(listSQL, [.integer(scope.environmentID), .text(id ?? "g"), .int(limit)], link)
    }

    /// - Returns: whether there was such a short link.
    public static func remove(_ id: ID<WidgetLink>, _ scope: Scope, _ tx: Transaction) throws -> Bool {
        try tx.db.run(
            "DELETE FROM widget_link WHERE environment_id = $1 AND id = $2 AND kind = 'app'",
            [.integer(scope.environmentID), .id(id)]) == 1
    }

    /// Counts a session that a link begins.
    /// - Returns: false when it began `max` already.
    public static func countSession(
        _ id: ID<WidgetLink>, max: Int64, _ scope: Scope, _ tx: Transaction
    ) throws -> Bool {
        try tx.db.run(
            """
            UPDATE widget_link SET sessions = sessions + 1
            WHERE environment_id = $1 AND id = $2 AND sessions < $3
            """, [.integer(scope.environmentID), .id(id), .integer(max)]) == 1
    }

    /// Whether a link can still be used; its row stays locked until the commit, so that only one can use it up.
    public static func isUsable(_ id: ID<WidgetLink>, _ scope: Scope, _ tx: Transaction) throws -> Bool {
        try tx.db.run(
            """
            UPDATE widget_link SET sessions = sessions
            WHERE environment_id = $1 AND id = $2 AND (is_single_use = 0 OR used_at_ms IS NULL)
            """, [.integer(scope.environmentID), .id(id)]) == 1
    }

    /// Uses up a link that may be used once. A link that was removed meanwhile cannot be used.
    /// - Returns: whether nobody had used it.
    public static func use(_ id: ID<WidgetLink>, at now: Instant, _ scope: Scope, _ tx: Transaction) throws -> Bool {
        try tx.db.run(
            """
            UPDATE widget_link SET used_at_ms = $3
            WHERE environment_id = $1 AND id = $2 AND (is_single_use = 0 OR used_at_ms IS NULL)
            """, [.integer(scope.environmentID), .id(id), .at(now)]) == 1
    }

    /// Forgets re-authentication links that ended before a moment, some at a time.
    /// - Returns: how many.
    public static func prune(before: Instant, limit: Int, _ tx: Transaction) throws -> Int {
        try tx.db.run(
            """
            DELETE FROM widget_link WHERE (environment_id, id) IN (
                SELECT environment_id, id FROM widget_link WHERE kind = 'reauth' AND expires_at_ms < $1
                ORDER BY expires_at_ms LIMIT $2)
            """, [.at(before), .int(limit)])
    }
}
