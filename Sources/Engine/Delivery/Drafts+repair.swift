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
            data: { out, _ in
                out.member("reason", error.code.rawValue)
                out.member("action", error.code.errorClass.action?.rawValue)
                out.member("reauth_url", url)
                out.member("reauth_url_expires_at", until)
            })
    }

    /// - Parameters:
    ///   - end: when the person's consent ends.
    ///   - url: opens the page for this connection alone, which renews the consent; `until` is machine time.
    static func consentExpiring(daysLeft: Int64, at end: Instant?, url: String, until: Instant?) -> EventDraft {
        EventDraft(
            type: EventCatalog.consentExpiring, method: "AUTH", code: "CONSENT_EXPIRING",
            message: "The consent ends in \(daysLeft) \(daysLeft == 1 ? "day" : "days")",
            data: { out, _ in
                out.member("days_left", Int(daysLeft))
                out.member("consent_expires_at", end)
                out.member("reauth_url", url)
                out.member("reauth_url_expires_at", until)
            })
    }

    static func consentExpired(at end: Instant?, url: String?, until: Instant?) -> EventDraft {
        EventDraft(
            type: EventCatalog.consentExpired, method: "AUTH", code: "CONSENT_EXPIRED",
            message: "The consent has ended; nothing more is fetched",
            data: { out, _ in
                out.member("days_left", 0)
                out.member("consent_expires_at", end)
                out.member("reauth_url", url)
                out.member("reauth_url_expires_at", until)
            })
    }

    /// The bank serves the connection again without anybody having logged in.
    static func healed(consentExpiresAt: Instant?) -> EventDraft {
        EventDraft(
            type: EventCatalog.repaired, method: "AUTH", code: "RECORD_REPAIRED",
            message: "The bank serves the record again; nobody had to log in",
            data: { out, _ in
                out.member("by", "itself")
                out.member("consent_expires_at", consentExpiresAt)
            })
    }

    static func repaired(clientID: String, consentExpiresAt: Instant?) -> EventDraft {
        EventDraft(
            type: EventCatalog.repaired, method: "AUTH", code: "RECORD_REPAIRED",
            message: "The person logged in again; data comes as before",
            data: { out, _ in
                out.member("by", "person")
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
