/// A kind of thing that happens, by its name on the wire. One line in `EventCatalog.all` adds one.
public struct EventType: Hashable, Sendable {
    public let name: String
    /// What it tells, for the documents.
    public let meaning: String
    /// Whether a connection's refresh URL gets it too.
    public let isRefresh: Bool

    init(_ name: String, _ meaning: String, isRefresh: Bool = false) {
        self.name = name
        self.meaning = meaning
        self.isRefresh = isRefresh
    }
}

/// Every event that is sent.
public enum EventCatalog {
    public static let auth = EventType("auth.success", "An account was linked; its record exists.")
    public static let accounts = EventType("accounts.success", "An account of the record can be read.")
    public static let balance = EventType("balance.success", "A balance was fetched.", isRefresh: true)
    public static let balanceError = EventType(
        "balance.error", "A refresh that was asked for could not fetch the balance.", isRefresh: true)
    public static let transactions = EventType(
        "transaction.success", "Transactions of an account came in; `data` has their number and ids.", isRefresh: true)
    public static let transactionsUpdated = EventType(
        "transaction.updated", "Transactions changed, as when a pending one is posted; ids stay.", isRefresh: true)
    public static let transactionsRemoved = EventType(
        "transaction.removed", "Pending transactions were dropped by the bank.", isRefresh: true)
    public static let transactionsMerged = EventType(
        "transaction.merged", "Rows were found, or ruled by the API, to be one transaction; lineage says why.",
        isRefresh: true)
    public static let transactionsSplit = EventType(
        "transaction.split", "What was one transaction was ruled by the API to be two.", isRefresh: true)
    public static let transactionsError = EventType(
        "transaction.error", "A refresh that was asked for could not fetch the transactions.", isRefresh: true)
    public static let gapFound = EventType(
        "account.gap_found",
        "Balances speak of money that no transaction tells of, also after fetching the days again.",
        isRefresh: true)
    public static let gapClosed = EventType(
        "account.gap_closed", "What was missing between an account's balances and its transactions is there.",
        isRefresh: true)
    public static let identity = EventType("identity.success", "An identity is ready or has changed.")
    public static let reauthRequired = EventType(
        "record.reauth_required", "The user must log in at the bank again; data is kept, refreshes wait.")
    public static let repaired = EventType(
        "record.repaired",
        "The record is served again, with its ids and data: `by` says whether its `person` logged in or it healed by "
            + "`itself`.")
    public static let consentExpiring = EventType(
        "record.consent_expiring", "The user's consent ends in `days_left` days; `reauth_url` renews it.")
    public static let consentExpired = EventType(
        "record.consent_expired", "The user's consent has ended; data is kept, nothing more is fetched.")
    public static let removed = EventType(
        "record.removed", "The record was removed with all its data; it is its last event.")
    public static let statementDue = EventType(
        "statement.due",
        "The next statement of a record that files feed can be expected; `upload_url` opens the page for it.")
    public static let institutionHealth = EventType(
        "institution.health_changed", "A bank answers better or worse than before, or not at all; it is of no record.")

    public static let intervalChanged = EventType(
        "refresh.interval_changed",
        "A record is refreshed in another rhythm than before: it was asked for, or the bank, its budget or the "
            + "operator bound it.", isRefresh: true)
    public static let phaseChanged = EventType(
        "refresh.phase_changed",
        "A new record has come further: `full` when its newest data is there, `periodic` when its history is.",
        isRefresh: true)

    public static let all: [EventType] = [
        intervalChanged, phaseChanged,
        auth, accounts, balance, balanceError, transactions, transactionsUpdated, transactionsRemoved,
        transactionsMerged, transactionsSplit,
        transactionsError, gapFound, gapClosed, identity, reauthRequired, repaired, consentExpiring, consentExpired,
        removed, institutionHealth, statementDue,
    ]
}
