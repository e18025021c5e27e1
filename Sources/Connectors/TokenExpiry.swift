import Domain

extension ConnectorError {
    /// The upstream code that a data call's `reauth_required` carries while `refreshAuth` may still help. The engine
    /// then refreshes the grant once and calls again; without this code, or from `refreshAuth`, it is really over.
    public static let tokenExpired = "token_expired"

    public var isTokenExpired: Bool { code == .reauthRequired && upstreamCode == Self.tokenExpired }
}
