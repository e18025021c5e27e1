import Domain
import Storage

/// What is told of transactions that are missing.
extension Drafts {
    /// - Parameter isClosed: what was missing is there.
    static func gap(_ gap: CompletenessGap, of account: Account, isClosed: Bool) -> EventDraft {
        EventDraft(
            type: isClosed ? EventCatalog.gapClosed : EventCatalog.gapFound, method: "TRANSACTIONS",
            code: isClosed ? "GAP_CLOSED" : "GAP_FOUND",
            message: isClosed ? "The account's transactions are complete again" : "Transactions seem to be missing",
            accountID: account.id, window: gap.window,
            data: { out, _ in
                out.member("from", gap.window.from.iso)
                out.member("to", gap.window.to.iso)
                out.member("amount_minor", gap.minor)
                out.member("currency", account.currency.code)
            })
    }
}
