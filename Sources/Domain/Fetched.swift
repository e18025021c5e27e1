/// The proof of access that a bank gave: opaque to all but its connector, sealed at rest.
public struct Grant: Sendable, Equatable {
    public var bytes: [UInt8]
    public init(bytes: [UInt8]) { self.bytes = bytes }
}

/// An account as a bank tells it.
public struct FetchedAccount: Sendable, Equatable {
    public var upstreamID: String
    public var number: String?
    public var name: String?
    public var holderName: String?
    public var type: String?
    public var currency: Currency
    public var isActive: Bool

    public init(
        upstreamID: String, number: String?, name: String?, holderName: String? = nil, type: String? = nil,
        currency: Currency = .ngn, isActive: Bool = true
    ) {
        self.upstreamID = upstreamID
        self.number = number
        self.name = name
        self.holderName = holderName
        self.type = type
        self.currency = currency
        self.isActive = isActive
    }
}

/// What is in an account. What the bank does not say stays nil, never 0.
public struct FetchedBalance: Sendable, Equatable {
    public var ledger: Money?
    public var available: Money?
    public var asOf: Instant
    public init(ledger: Money?, available: Money?, asOf: Instant) {
        self.ledger = ledger
        self.available = available
        self.asOf = asOf
    }
}

/// Where a transaction is in its life.
public enum TransactionStatus: String, Sendable, CaseIterable {
    case pending, booked, removed
}

/// A transaction as a bank tells it.
public struct FetchedTransaction: Sendable, Equatable {
    public var upstreamID: String?
    public var status: TransactionStatus
    public var amount: Money
    public var bookedOn: LocalDate
    public var occurredAt: Instant?
    public var text: String
    public var counterparty: String?
    public var reference: String?
    public var channel: String?
    public var branch: String?
    public var code: String?
    public var runningBalance: Money?
    /// The upstream id of the pending transaction that this one replaces, where the bank says so.
    public var supersedes: String?
    /// The day of value that a statement gives beside the day of booking. It only helps to match.
    public var valueOn: LocalDate?

    public init(
        upstreamID: String?, status: TransactionStatus, amount: Money, bookedOn: LocalDate,
        occurredAt: Instant? = nil, text: String, counterparty: String? = nil, reference: String? = nil,
        channel: String? = nil, branch: String? = nil, code: String? = nil, runningBalance: Money? = nil,
        supersedes: String? = nil
    ) {
        self.upstreamID = upstreamID
        self.status = status
        self.amount = amount
        self.bookedOn = bookedOn
        self.occurredAt = occurredAt
        self.text = text
        self.counterparty = counterparty
        self.reference = reference
        self.channel = channel
        self.branch = branch
        self.code = code
        self.runningBalance = runningBalance
        self.supersedes = supersedes
    }
}

/// One page of a window of days, both ends included, newest first.
public struct FetchPage: Sendable, Equatable {
    public var rows: [FetchedTransaction]
    public var nextCursor: String?
    public init(rows: [FetchedTransaction], nextCursor: String?) {
        self.rows = rows
        self.nextCursor = nextCursor
    }
}

/// Days from `from` to `to`, both included.
public struct DayWindow: Hashable, Sendable {
    public var from: LocalDate
    public var to: LocalDate
    public init(from: LocalDate, to: LocalDate) {
        self.from = from
        self.to = to
    }
    /// True for both ends and every day between them.
    public func contains(_ day: LocalDate) -> Bool { from <= day && day <= to }
}

/// A person as a bank knows them; sealed at rest. Every member may be absent.
public struct IdentityDetails: Sendable, Equatable, Codable {
    public var fullName: String?
    public var firstName: String?
    public var middleName: String?
    public var lastName: String?
    public var bvn: String?
    public var nin: String?
    public var dob: String?
    public var gender: String?
    public var maritalStatus: String?
    public var emails: [String] = []
    public var phones: [String] = []
    public var addresses: [String] = []
    public var aliases: [String] = []
    public var nextOfKins: [String] = []
    public var photoURLs: [String] = []
    public var nationality: String?
    public var lgaOfOrigin: String?
    public var lgaOfResidence: String?
    public var stateOfOrigin: String?
    public var stateOfResidence: String?
    public var levelOfAccount: String?
    public var enrollmentBank: String?
    public var enrollmentBranch: String?
    public var registrationDate: String?
    public init() {}
}
