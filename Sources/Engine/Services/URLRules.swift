import Domain
import FoundationEssentials
import Storage

/// Which URLs a caller may name. Addresses are checked again at every sending.
struct URLRules {
    private static let urlLengthMax = 2048
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
            let host = url.host()?.lowercased(), !host.isEmpty, url.user() == nil, url.password() == nil
        else {
            throw DomainError(.urlRefused, "`\(field)` must be a URL such as https://example.com/hook.", field: field)
        }
        guard
            scheme == "https" || (scheme == "http" && (environment.kind == .sandbox || settings.allowsLoopbackWebhooks))
        else {
            let known = environment.kind == .sandbox ? "https:// or http://" : "https:// in production"
            throw DomainError(.urlRefused, "`\(field)` must begin with \(known).", field: field)
        }
        // People are sent to a redirect by their own browser; everything else this server calls.
        if field != "redirect_url", let address = IPAddress(String(host.filter { $0 != "[" && $0 != "]" })),
            !AddressGuard(allowsLoopback: true, allowed: settings.webhookRanges).allows(address)
        {
            throw DomainError(
                .urlRefused, "`\(field)` names a private or reserved address. Use a host that is public.", field: field)
        }
        return host
    }
}
