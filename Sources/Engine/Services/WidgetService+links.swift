import Domain
import Storage

/// How a short link becomes options.
extension WidgetService {
    /// What a page may add to a short link: nothing that decides whose data goes where to whom.
    private static let addable: Set<String> = [
        "options", "meta", "state", "redirect_url", "redirectUrl", "callback_url", "callbackUrl", "mode", "color",
    ]
    private static let addableToReauth: Set<String> = ["state", "redirect_url", "redirectUrl", "mode", "color"]

    func find(link text: String) async throws -> (link: WidgetLink, environment: Domain.Environment) {
        let unknown = DomainError(
            .linkUnknown, "There is no such link. Check that it was copied whole, or ask for a new one.")
        guard let slug = WidgetLinkSlug.find(in: text),
            let found = try await core.database.read({ try WidgetLinkStore.find(slug: slug, $0) }),
            let environment = try await core.database.read({ try TenantStore.environment(found.environmentID, $0) })
        else { throw unknown }
        if found.link.isSingleUse, found.link.usedAt != nil {
            throw DomainError(.linkUsed, "This link was used already. There is nothing left to do with it.")
        }
        if let end = found.link.expiresAt, core.runtime.now() >= end {
            throw DomainError(.linkExpired, "This link has expired. Ask for a new one.")
        }
        return (found.link, environment)
    }

    /// The connection of a re-authentication link.
    func repaired(_ link: WidgetLink, _ environment: Domain.Environment) async throws -> Connection? {
        guard link.kind == .reauth else { return nil }
        guard let id = link.connectionID,
            let connection = try await core.database.read({ try ConnectionStore.find(id, environment.scope, $0) }),
            connection.canBeRepaired
        else { throw DomainError(.linkExpired, "The connection of this link was removed. Link the account anew.") }
        return connection
    }

    /// The link's options, and under them what the page may add.
    func merged(_ link: WidgetLink, _ connection: Connection?, under opening: WidgetOpening) throws -> WidgetOptions {
        let own = try JSONValue(parsing: Array(link.options.utf8)).members ?? [:]
        let addable = connection == nil ? Self.addable : Self.addableToReauth
        let added = (opening.raw.members ?? [:]).filter { addable.contains($0.key) && own[$0.key] == nil }
        var options = try WidgetOptions(.object(own.merging(added) { own, _ in own }))
        options.shortLink = link.slug
        if let connection {
            options.institution = connection.institution
            options.loginType = connection.loginType == "corp" ? "corp" : "ind"
        }
        options.expiresAt = [options.expiresAt, link.expiresAt].compactMap { $0 }.min()
        return options
    }
}

extension Connection {
    /// Whether a new login can bring it back.
    var canBeRepaired: Bool { status == .active || status == .needsUser || status == .expired }
}
