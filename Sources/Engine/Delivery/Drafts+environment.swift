import Domain
import Storage

/// What is told of an environment's own things.
extension Drafts {
    private static let endpointMethod = "WEBHOOK_ENDPOINT"

    static func endpointTest(_ endpoint: ID<WebhookEndpoint>) -> EnvironmentDraft {
        EnvironmentDraft(
            type: EventCatalog.endpointTest, method: endpointMethod, subject: endpoint.hex,
            data: { $0.member("endpoint", endpoint) })
    }

    /// - Parameters:
    ///   - hours: for how long it has taken nothing: 24 or 72.
    ///   - lastError: a class of errors, or a status; never what was answered.
    static func endpointFailing(
        _ endpoint: ID<WebhookEndpoint>, hours: Int, since: Instant, failures: Int64, lastError: String?
    ) -> EnvironmentDraft {
        EnvironmentDraft(
            type: EventCatalog.endpointFailing, method: endpointMethod, subject: endpoint.hex,
            data: { out in
                out.member("endpoint", endpoint)
                out.member("hours", hours)
                out.member("failing_since", since)
                out.member("failures", failures)
                out.member("last_error", lastError)
            })
    }

    /// - Parameters:
    ///   - reason: `gone`, `failing` or `manual`.
    ///   - since: when it began to fail.
    static func endpointDisabled(
        _ endpoint: ID<WebhookEndpoint>, reason: String, since: Instant?
    ) -> EnvironmentDraft {
        EnvironmentDraft(
            type: EventCatalog.endpointDisabled, method: endpointMethod, subject: endpoint.hex,
            data: { out in
                out.member("endpoint", endpoint)
                out.member("reason", reason)
                out.member("failing_since", since)
            })
    }

    /// A link that came to nothing, or a record that was not repaired.
    static func linkFailed(
        _ session: LinkSession, _ error: ConnectorError, record: String?, customer: String?
    ) -> EnvironmentDraft {
        EnvironmentDraft(
            type: EventCatalog.authFailed, method: "AUTH", code: "AUTH_ERROR", message: error.message,
            subject: session.id,
            data: { out in
                out.member("session", session.id)
                out.member("reason", error.code.rawValue)
                out.member("institution", session.institution)
                out.member("record", record)
                out.member("customer", customer)
            })
    }
}
