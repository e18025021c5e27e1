/// A kind of thing that happens, by its name on the wire. One line in `EventCatalog.all` adds one.
public struct EventType: Hashable, Sendable {
    public let name: String
    /// What it tells, for the documents.
    public let meaning: String
    /// Whether a connection's refresh URL gets it too.
    public let isRefresh: Bool
    /// Nothing fires it yet; its name is kept for what comes.
    public let isPlanned: Bool

    init(_ name: String, _ meaning: String, isRefresh: Bool = false, isPlanned: Bool = false) {
        self.name = name
        self.meaning = meaning
        self.isRefresh = isRefresh
        self.isPlanned = isPlanned
    }
}

/// Every event that is sent.
public enum EventCatalog {
    public static let auth = EventType("auth.success", "An account was linked; its record exists.")
    public static let accounts = EventType("accounts.success", "An account of the record can be read.")
    public static let balance = EventType("balance.success", "A balance was fetched.", isRefresh: true)
    public static let balanceFailed = EventType(
        "balance.failed", "A refresh that was asked for could not fetch the balance.", isRefresh: true)
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
    public static let transactionsFailed = EventType(
        "transaction.failed", "A refresh that was asked for could not fetch the transactions.", isRefresh: true)
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
        "consent.expiring", "The user's consent ends in `days_left` days; `reauth_url` renews it.")
    public static let consentExpired = EventType(
        "consent.expired", "The user's consent has ended; data is kept, nothing more is fetched.")
    public static let removed = EventType(
        "record.removed", "The record was removed with all its data; it is its last event.")
    public static let statementDue = EventType(
        "statement.due",
        "The next statement of a record that files feed can be expected; `upload_url` opens the page for it.")
    public static let institutionDegraded = EventType(
        "institution.degraded", "A bank answers worse than it should: a fifth of its calls fail or more.")
    public static let institutionDown = EventType(
        "institution.down", "A bank does not answer any more; refreshes wait for it.")
    public static let institutionRecovered = EventType(
        "institution.recovered", "A bank that was degraded or down answers as it should again.")
    public static let endpointTest = EventType(
        "webhook_endpoint.test", "A test of one endpoint, which alone gets it.")
    public static let endpointFailing = EventType(
        "webhook_endpoint.failing",
        "An endpoint has not taken anything for `hours` hours; the others and the feed tell of it.")
    public static let endpointDisabled = EventType(
        "webhook_endpoint.disabled", "An endpoint is sent nothing more, and `reason` says why; events are kept.")
    public static let authFailed = EventType(
        "auth.failed", "A record could not be linked, or could not be repaired by its user.")
    public static let accountsFailed = EventType(
        "accounts.failed", "A refresh that was asked for could not fetch the list of accounts.", isRefresh: true)
    public static let identityFailed = EventType(
        "identity.failed", "A refresh that was asked for could not fetch the identity.")
    public static let income = EventType("income.success", "An income profile is ready.", isPlanned: true)
    public static let incomeFailed = EventType(
        "income.failed", "An income profile could not be made.", isPlanned: true)
    public static let payment = EventType("payment.success", "A payment was made.", isPlanned: true)
    public static let paymentFailed = EventType("payment.failed", "A payment was not made.", isPlanned: true)
    public static let paymentCancelled = EventType(
        "payment.cancelled", "A payment was cancelled before it was made.", isPlanned: true)

    public static let intervalChanged = EventType(
        "refresh.interval_changed",
        "A record is refreshed in another rhythm than before: it was asked for, or the bank, its budget or the "
            + "operator bound it.", isRefresh: true)
    public static let phaseChanged = EventType(
        "refresh.phase_changed",
        "A new record has come further: `full` when its newest data is there, `periodic` when its history is.",
        isRefresh: true)

    public static let all: [EventType] = [
        intervalChanged, phaseChanged, auth, authFailed, accounts, accountsFailed, balance, balanceFailed,
        transactions, transactionsUpdated, transactionsRemoved, transactionsMerged, transactionsSplit,
        transactionsFailed, gapFound, gapClosed, identity, identityFailed, reauthRequired, repaired, consentExpiring,
        consentExpired, removed, statementDue, institutionDegraded, institutionDown, institutionRecovered,
        endpointTest, endpointFailing, endpointDisabled, income, incomeFailed, payment, paymentFailed,
        paymentCancelled,
    ]
}
