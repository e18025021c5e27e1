import Domain

/// What is made of an account that is linked a second time by the same person.
public enum RelinkPolicy: String, Sendable, CaseIterable {
    /// The connection that is there gets the new login; its ids stay.
    case merge
    /// A second connection.
    case allow
    /// The second link fails with `already_linked`.
    case reject
}

/// A widget app: what the page may ask for and where it may send.
public struct WidgetApp: Sendable, Equatable {
    public var id: ID<WidgetApp>
    public var name: String
    public var products: ProductSet
    public var callbackURL: String?
    public var redirectURL: String?
    /// Hosts that a browser may name in production; the sandbox accepts all.
    public var allowedHosts: [String]
    /// The refresh option when the widget run gives none, as JSON.
    public var refresh: String
    public var isDefault: Bool
    public var relink = RelinkPolicy.merge

    public init(
        id: ID<WidgetApp>, name: String, products: ProductSet, callbackURL: String? = nil, redirectURL: String? = nil,
        allowedHosts: [String] = [], refresh: String = "true", isDefault: Bool = false
    ) {
        self.id = id
        self.name = name
        self.products = products
        self.callbackURL = callbackURL
        self.redirectURL = redirectURL
        self.allowedHosts = allowedHosts
        self.refresh = refresh
        self.isDefault = isDefault
    }
}

/// Widget apps: each environment has a default one.
public enum AppStore {
    /// Inserts an app.
    public static func create(_ app: WidgetApp, _ scope: Scope, at now: Instant, _ tx: Transaction) throws {
        try tx.db.run(
            """
            INSERT INTO widget_app (environment_id, id, name, products, callback_url, redirect_url, allowed_hosts,
                refresh, relink, is_default, created_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            """,
            values(app, scope) + [.flag(app.isDefault), .at(now)])
    }

    /// Stores all fields but `isDefault`.
    public static func update(_ app: WidgetApp, _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            """
            UPDATE widget_app SET name = $3, products = $4, callback_url = $5, redirect_url = $6, allowed_hosts = $7,
                refresh = $8, relink = $9 WHERE environment_id = $1 AND id = $2
            """, values(app, scope))
    }

    /// What both statements begin with.
    private static func values(_ app: WidgetApp, _ scope: Scope) -> [SQLValue] {
        [
            .integer(scope.environmentID), .id(app.id), .text(app.name), .text(app.products.column),
            .text(app.callbackURL), .text(app.redirectURL), .text(app.allowedHosts.joined(separator: ",")),
            .text(app.refresh), .text(app.relink.rawValue),
        ]
    }

    private static let columns =
        "id, name, products, callback_url, redirect_url, allowed_hosts, refresh, is_default, relink FROM widget_app"

    private static func app(_ row: borrowing Row) -> WidgetApp {
        var app = WidgetApp(
            id: row.id(0), name: row.text(1), products: ProductSet(column: row.text(2)), callbackURL: row.textOrNil(3),
            redirectURL: row.textOrNil(4), allowedHosts: row.text(5).split(separator: ",").map(String.init),
            refresh: row.text(6), isDefault: row.bool(7))
        app.relink = RelinkPolicy(rawValue: row.text(8)) ?? .merge
        return app
    }

    private static let findSQL = "SELECT \(columns) WHERE environment_id = $1 AND id = $2"
    private static let defaultSQL = "SELECT \(columns) WHERE environment_id = $1 AND is_default = 1"
    private static let listSQL = "SELECT \(columns) WHERE environment_id = $1 ORDER BY id LIMIT 200"

    /// The named app, or the default one without a name.
    public static func find(_ id: ID<WidgetApp>?, _ scope: Scope, _ db: any SQLConnection) throws -> WidgetApp? {
        guard let id else { return try db.first(defaultSQL, [.integer(scope.environmentID)], app) }
        return try db.first(findSQL, [.integer(scope.environmentID), .id(id)], app)
    }

    /// All apps of the environment.
    public static func list(_ scope: Scope, _ db: any SQLConnection) throws -> [WidgetApp] {
        try db.query(listSQL, [.integer(scope.environmentID)], app)
    }
}
