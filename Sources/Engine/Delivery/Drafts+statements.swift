import Domain
import Storage

/// What is told of connections that files feed.
extension Drafts {
    /// - Parameters:
    ///   - end: the last day of the newest statement.
    ///   - due: the day from which the next one can be expected.
    ///   - url: opens the page for this connection alone, where it is uploaded; `until` is machine time.
    static func statementDue(since end: LocalDate, on due: LocalDate, url: String, until: Instant?) -> EventDraft {
        EventDraft(
            type: EventCatalog.statementDue, method: "TRANSACTIONS", code: "STATEMENT_DUE",
            message: "The next statement can be uploaded",
            data: { out, _ in
                out.member("statements_to", end.iso)
                out.member("due_on", due.iso)
                out.member("upload_url", url)
                out.member("upload_url_expires_at", until)
            })
    }
}
