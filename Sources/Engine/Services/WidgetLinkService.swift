import Domain
import FoundationEssentials
import Storage

/// What a short link is made with.
public struct NewWidgetLink: Sendable {
    public var name: String
    public var appID: String?
    /// The widget's options, without keys.
    public var options: JSONValue
    public var expiresAt: Instant?
    public var isSingleUse: Bool

    public init(
        name: String, appID: String? = nil, options: JSONValue = [:], expiresAt: Instant? = nil,
        isSingleUse: Bool = false
    ) {
        self.name = name
        self.appID = appID
        self.options = options
        self.expiresAt = expiresAt
        self.isSingleUse = isSingleUse
    }
}

/// A link as it is shown.
public struct WidgetLinkView: Sendable {
    public let id: String
    public let slug: String
    public let url: String
    public let name: String
    public let appID: String
    public let connectionID: String?
    public let options: JSONValue
    public let isSingleUse: Bool
    public let sessions: Int64
    public let expiresAt: Instant?
    public let usedAt: Instant?
    public let createdAt: Instant
}

/// Makes URLs that open the widget: short links, and links to log in again.
public struct WidgetLinkService: Sendable {
    private static let nameLengthMax = 100
    /// Keys stay out of links; where a link leads is told by the link itself.
    private static let forbidden: Set<String> = [
        "token", "key", "client_token", "public_key", "clientToken", "publicKey", "secret_key", "ref", "short_url",
        "shortUrl", "env", "environment", "app_id", "appId",
    ]

    private let core: Core
    private let links: LinkService

    public init(core: Core, links: LinkService) {
        self.core = core
        self.links = links
    }

    /// Makes a link that opens the widget with these options; the app is the default one unless another is named.
    /// - Throws: `DomainError` for a name or options that cannot be taken, and for an end that has passed.
    public func create(
        _ new: NewWidgetLink, in environment: Domain.Environment, once: Once<WidgetLinkView>? = nil
    ) async throws -> WidgetLinkView {
        let name = PlainText.cleaned(new.name, lengthMax: Self.nameLengthMax)
        guard !name.isEmpty else { throw DomainError.missing("name") }
        guard let members = new.options.members else { throw DomainError.invalid("options", "must be an object.") }
        if let key = members.keys.sorted().first(where: Self.forbidden.contains) {
            throw DomainError.invalid("options.\(key)", "does not belong into a link; it needs no keys.")
        }
        let now = core.runtime.now()
        if let end = new.expiresAt, end <= now { throw DomainError.invalid("expires_at", "must be in the future.") }
        let app = try await links.app(new.appID, environment)
        try await check(new.options, app, environment)
        let link = WidgetLink(
            id: core.runtime.newID(), slug: WidgetLinkSlug.make(core.runtime.randomBytes), kind: .app, appID: app.id,
            connectionID: nil, name: name, options: new.options.encoded, isSingleUse: new.isSingleUse,
            expiresAt: new.expiresAt, createdAt: now)
        return try await core.change(once) { tx in
            try WidgetLinkStore.create(link, environment.scope, tx)
            return try view(link)
        }
    }

    /// What would be refused when the link is opened is refused now.
    private func check(_ value: JSONValue, _ app: WidgetApp, _ environment: Domain.Environment) async throws {
        let options = try WidgetOptions(value)
        guard options.reauthAccount == nil else {
            throw DomainError.invalid(
                "options.reauth_account", "does not belong into a link. Make a link to log in again for the connection."
            )
        }
        var request = BeginLink(options)
        // Whether the customer exists is looked up below.
        request.customerID = nil
        _ = try links.terms(request, app, environment)
        if let url = options.successURL {
            _ = try URLRules(environment, core.settings).checked(url, field: "success_url", app: app)
        }
        guard let text = options.customerID else { return }
        guard let id = ID<Customer>(text),
            try await core.database.read({ try CustomerStore.find(id, environment.scope, $0) }) != nil
        else { throw DomainError.notFound("customer") }
    }

    /// - Returns: a page of short links, newest first, and the id to go on from.
    public func list(
        limit: Int, after cursor: String?, in environment: Domain.Environment
    ) async throws -> (views: [WidgetLinkView], next: String?) {
        if let cursor, ID<WidgetLink>(cursor) == nil {
            throw DomainError.invalid("cursor", "must be the `next_cursor` of a reply.")
        }
        let found = try await core.database.read {
            try WidgetLinkStore.list(before: cursor?.lowercased(), limit: limit + 1, environment.scope, $0)
        }
        let views = try found.prefix(limit).map(view)
        return (views, found.count > limit ? views.last?.id : nil)
    }

    /// Removes a link; its URL opens nothing from then on.
    /// - Throws: `DomainError.notFound` when there is no such link.
    public func remove(
        _ id: String, in environment: Domain.Environment, once: Once<Void>? = nil
    ) async throws {
        guard let id = ID<WidgetLink>(id) else { throw DomainError.notFound("link") }
        try await core.change(once) { tx in
            guard try WidgetLinkStore.remove(id, environment.scope, tx) else { throw DomainError.notFound("link") }
        }
    }

    // MARK: logging in again

    /// A link by hand to log in again at the bank of a connection.
    public func createReauth(
        connection id: String, in environment: Domain.Environment, once: Once<WidgetLinkView>? = nil
    ) async throws -> WidgetLinkView {
        guard let id = ID<Connection>(id),
            let connection = try await core.database.read({ try ConnectionStore.find(id, environment.scope, $0) })
        else { throw DomainError.notFound("connection") }
        guard connection.canBeRepaired else {
            throw DomainError(.conflict, "This connection was removed or revoked. Link the account anew.")
        }
        return try await core.change(once) { tx in
            try view(try ReauthLinks(core).create(connection, environment.scope, tx))
        }
    }

    private func view(_ link: WidgetLink) throws -> WidgetLinkView {
        WidgetLinkView(
            id: link.id.hex, slug: link.slug, url: "\(core.settings.publicURL)/\(link.slug)", name: link.name,
            appID: link.appID.hex, connectionID: link.connectionID?.hex,
            options: try JSONValue(parsing: Array(link.options.utf8)), isSingleUse: link.isSingleUse,
            sessions: link.sessions, expiresAt: link.expiresAt, usedAt: link.usedAt, createdAt: link.createdAt)
    }
}

/// Links by which a person logs in again, safe to be sent by SMS: they work once, for one connection, for a while.
struct ReauthLinks {
    private static let keptMs: Int64 = 30 * Instant.dayMs
    private static let prunedPerStep = 1000
    private let core: Core

    init(_ core: Core) { self.core = core }

    func create(_ connection: Connection, _ scope: Scope, _ tx: Transaction) throws -> WidgetLink {
        let now = core.runtime.now()
        let link = WidgetLink(
            id: core.runtime.newID(), slug: WidgetLinkSlug.make(core.runtime.randomBytes), kind: .reauth,
            appID: connection.appID, connectionID: connection.id, name: "Log in again", options: "{}",
            isSingleUse: true, expiresAt: now + core.settings.reauthLinkHours * 3_600_000, createdAt: now)
        try WidgetLinkStore.create(link, scope, tx)
        return link
    }

    /// - Returns: how many were forgotten; until then a person is told that the link has expired.
    func prune() async throws -> Int {
        let before = core.runtime.now() + -Self.keptMs
        var sum = 0
        while true {
            let count = try await core.database.write {
                try WidgetLinkStore.prune(before: before, limit: Self.prunedPerStep, $0)
            }
            sum += count
            if count < Self.prunedPerStep { return sum }
        }
    }

    func url(_ link: WidgetLink) -> String { "\(core.settings.publicURL)/\(link.slug)" }
}
