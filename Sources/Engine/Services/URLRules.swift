import Domain
import FoundationEssentials
import Storage

/// Which URLs a caller may name. Addresses are checked again at every sending.
struct URLRules {
    private static let urlLengthMax = 2048
    /// Where people are sent, or come from, by their own browser; everything else this server calls.
    private static let browsed: Set<String> = ["redirect_url", "success_url", "origin"]
    private let environment: Domain.Environment
    private let settings: EngineSettings

    init(_ environment: Domain.Environment, _ settings: EngineSettings) {
        self.environment = environment
        self.settings = settings
    }

    /// A URL that the holder of the secret key, or the operator, sets.
    func checked(_ text: String, field: String) throws -> String {
        _ = try host(of: text, field: field)
        return text
    }

    /// A URL that a browser sends: in production its host must be on the app's list.
    func checked(_ text: String, field: String, app: WidgetApp) throws -> String {
        let host = try host(of: text, field: field)
        guard environment.kind == .production else { return text }
        guard app.allowedHosts.contains(host) else {
            throw DomainError(
                .urlRefused,
                "`\(field)` names a host that is not on the app's list. Add it to the allowed hosts of the app.",
                field: field)
        }
        return text
    }

    private func host(of text: String, field: String) throws -> String {
        guard text.utf8.count <= Self.urlLengthMax, let url = URL(string: text), let scheme = url.scheme?.lowercased(),
            let host = url.host()?.lowercased(), !host.isEmpty
        else {
            throw DomainError(.urlRefused, "`\(field)` must be a URL such as https://example.com/hook.", field: field)
        }
        guard url.user() == nil, url.password() == nil else {
            let instead = field == "url" ? " An endpoint has `token` and `headers` for that." : ""
            throw DomainError(
                .urlRefused,
                "`\(field)` has a user name or a password in it, which logs and settings would show. Leave them out."
                    + instead, field: field)
        }
        guard
            scheme == "https" || (scheme == "http" && (environment.kind == .sandbox || settings.allowsLoopbackWebhooks))
        else {
            let known = environment.kind == .sandbox ? "https:// or http://" : "https:// in production"
            throw DomainError(.urlRefused, "`\(field)` must begin with \(known).", field: field)
        }
        return Self.browsed.contains(field) ? host : try called(text, field: field)
    }

    /// Read as the sender reads it: what that would refuse at every sending is refused here.
    private func called(_ text: String, field: String) throws -> String {
        let url: WebhookURL
        do throws(HTTPTransportError) {
            url = try WebhookURL(text)
        } catch {
            throw DomainError(
                .urlRefused,
                "`\(field)` must be a URL in ASCII without blanks or backslashes, with a port up to 65535: write "
                    + "other letters of a host as xn--…, of a path as %….", field: field)
        }
        let isLocal = url.host == "localhost" || url.host.hasSuffix(".localhost")
        let address = url.address ?? (isLocal ? IPAddress(v4: 0x7f00_0001) : nil)
        guard let address, !AddressGuard(allowsLoopback: sendsHere, allowed: settings.webhookRanges).allows(address)
        else { return url.host }
        guard address.unmapped.isLoopback else {
            throw DomainError(
                .urlRefused,
                "`\(field)` names a private or reserved address. Use a host that is public; the operator opens a "
                    + "network of their own by `--webhook-allow-cidr`, and `kubewa listen` forwards to a developer's "
                    + "machine.", field: field)
        }
        throw DomainError(
            .urlRefused,
            "`\(field)` names this server's own machine, to which it sends nothing. Use a host that is public; to try "
                + "webhooks on your machine, forward them with `kubewa listen`.", field: field)
    }

    private var sendsHere: Bool { settings.allowsLoopbackWebhooks || settings.defersLoopback }
}
