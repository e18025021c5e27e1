import Domain
import Storage

/// What is told of a connection that needs its person, and of its coming back.
extension Drafts {
    /// - Parameters:
    ///   - url: opens the page for this connection alone; safe to be sent by SMS.
    ///   - until: machine time.
    static func reauthRequired(_ error: ConnectorError, url: String, until: Instant?) -> EventDraft {
        EventDraft(
            type: EventCatalog.reauthRequired, method: "AUTH", code: "REAUTH_REQUIRED", message: error.message,
            isSuccess: false,
            data: { out, _ in
                out.member("reason", error.code.rawValue)
                out.member("reauth_url", url)
                out.member("reauth_url_expires_at", until)
            })
    }

    static func repaired(clientID: String, consentExpiresAt: Instant?) -> EventDraft {
        EventDraft(
            type: EventCatalog.repaired, method: "AUTH", code: "RECORD_REPAIRED",
            message: "The person logged in again; data comes as before",
            data: { out, _ in
                out.member("session", clientID)
                out.member("consent_expires_at", consentExpiresAt)
            },
            product: { out, _ in
                out.object("auth") { auth in
                    auth.member("clientId", clientID)
                    auth.member("type", "reauth")
                    auth.member("status", true)
                    auth.member("reauth", true)
                    auth.object("data") { _ in }
                }
            })
    }
}
