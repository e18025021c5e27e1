import Domain

/// Decides to which addresses a bank's URL may lead: https to public addresses, with two exceptions that an operator
/// must name.
public final class BankVetting: Sendable {
    private let usual: GuardedResolver
    private let inside: GuardedResolver
    private let privateHosts: Set<String>
    private let allowsLoopback: Bool
    /// A PEM file of authorities that are trusted beside the system's.
    let authorities: String?

    /// - Parameters:
    ///   - privateHosts: hosts, in lower case, that may have addresses of a private network.
    ///   - allowsLoopback: this machine may be reached, over plain http too; for development.
    public init(
        resolver: any Resolving, runtime: any Runtime, privateHosts: Set<String> = [], allowsLoopback: Bool = false,
        ownListeners: [(String, Int)] = [], authorities: String? = nil
    ) {
        func guarded(_ allowsPrivate: Bool) -> GuardedResolver {
            GuardedResolver(
                resolver: resolver,
                addressGuard: AddressGuard(allowsLoopback: allowsLoopback, allowsPrivate: allowsPrivate),
                runtime: runtime, limits: WebhookLimits(), ownListeners: ownListeners)
        }
        usual = guarded(false)
        inside = guarded(true)
        self.privateHosts = privateHosts
        self.allowsLoopback = allowsLoopback
        self.authorities = authorities
    }

    struct Target: Sendable {
        /// The URL as it was understood, so that the client cannot read it in another way.
        let url: String
        let host: String
        /// At most as many as are tried.
        let addresses: [IPAddress]
    }

    func target(of text: String) async throws(HTTPTransportError) -> Target {
        let url = try WebhookURL(text)
        // Plain http is refused before anything is looked up.
        guard url.isSecure || allowsLoopback else { throw .notSecure }
        let resolver = privateHosts.contains(url.host) ? inside : usual
        let addresses = try await resolver.addresses(of: url)
        guard url.isSecure || addresses.allSatisfy(\.unmapped.isLoopback) else { throw .notSecure }
        return Target(
            url: "\(url.isSecure ? "https" : "http")://\(url.hostHeader)\(url.target)", host: url.host,
            addresses: Array(addresses.prefix(WebhookLimits().addressesTriedMax)))
    }
}
