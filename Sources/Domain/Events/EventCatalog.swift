/// Every event, by what fires it.
public enum EventCatalog {
    public static let auth = AuthSuccess.event
    public static let authFailed = AuthFailed.event
    public static let accounts = AccountsSuccess.event
    public static let accountsFailed = AccountsFailed.event
    public static let balance = BalanceSuccess.event
    public static let balanceFailed = BalanceFailed.event
    public static let transactions = TransactionSuccess.event
    public static let transactionsUpdated = TransactionUpdated.event
    public static let transactionsRemoved = TransactionRemoved.event
    public static let transactionsMerged = TransactionMerged.event
    public static let transactionsSplit = TransactionSplit.event
    public static let transactionsFailed = TransactionFailed.event
    public static let gapFound = AccountGapFound.event
    public static let gapClosed = AccountGapClosed.event
    public static let identity = IdentitySuccess.event
    public static let identityFailed = IdentityFailed.event
    public static let reauthRequired = RecordReauthRequired.event
    public static let repaired = RecordRepaired.event
    public static let removed = RecordRemoved.event
    public static let consentExpiring = ConsentExpiring.event
    public static let consentExpired = ConsentExpired.event
    public static let statementDue = StatementDue.event
    public static let intervalChanged = RefreshIntervalChanged.event
    public static let phaseChanged = RefreshPhaseChanged.event
    public static let institutionDegraded = InstitutionDegraded.event
    public static let institutionDown = InstitutionDown.event
    public static let institutionRecovered = InstitutionRecovered.event
    public static let endpointTest = WebhookEndpointTest.event
    public static let endpointFailing = WebhookEndpointFailing.event
    public static let endpointDisabled = WebhookEndpointDisabled.event
    public static let income = IncomeSuccess.event
    public static let incomeFailed = IncomeFailed.event
    public static let payment = PaymentSuccess.event
    public static let paymentFailed = PaymentFailed.event
    public static let paymentCancelled = PaymentCancelled.event

    /// In the order of the documents.
    public static let all: [EventType] = [
        auth, authFailed, accounts, accountsFailed, balance, balanceFailed, transactions, transactionsUpdated,
        transactionsRemoved, transactionsMerged, transactionsSplit, transactionsFailed, identity, identityFailed,
        gapFound, gapClosed, reauthRequired, repaired, removed, consentExpiring, consentExpired, statementDue,
        intervalChanged, phaseChanged, institutionDegraded, institutionDown, institutionRecovered, endpointTest,
        endpointFailing, endpointDisabled, income, incomeFailed, payment, paymentFailed, paymentCancelled,
    ]

    private static let byName: [String: EventType] = Dictionary(
        all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })

    /// The event of this name; nil when there is none.
    public static func find(_ name: String) -> EventType? { byName[name] }
}
