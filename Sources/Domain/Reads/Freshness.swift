/// How fresh one product of a connection is. Instants are the environment's.
public struct ProductFreshness: Sendable, Equatable {
    /// When it was last fetched well, also when nothing had changed.
    public var asOf: Instant?
    public var attemptedAt: Instant?
    /// What the last attempt came to: `ok`, or the code of what kept it.
    public var outcome: String?
    /// When it is fetched next by itself; nil on demand only, while paused, and while the user must act.
    public var nextAttemptAt: Instant?
    /// Calls that the bank takes today; nil without a limit.
    public var quotaLeft: Int?

    public init(
        asOf: Instant?, attemptedAt: Instant?, outcome: String?, nextAttemptAt: Instant?, quotaLeft: Int? = nil
    ) {
        self.asOf = asOf
        self.attemptedAt = attemptedAt
        self.outcome = outcome
        self.nextAttemptAt = nextAttemptAt
        self.quotaLeft = quotaLeft
    }

    fileprivate func write(_ out: inout JSONWriter) {
        out.member("as_of", asOf)
        if attemptedAt == nil, outcome == nil {
            out.null("last_attempt")
        } else {
            out.object("last_attempt") { out in
                out.member("at", attemptedAt)
                out.member("outcome", outcome)
            }
        }
        out.member("next_attempt_at", nextAttemptAt)
        out.member("quota_left", quotaLeft.map { Int64($0) })
    }
}

/// How fresh the data of a connection is, product by product; nil for a product that it was linked without.
public struct ConnectionFreshness: Sendable, Equatable {
    public var connection: String
    public var balance: ProductFreshness?
    public var transactions: ProductFreshness?
    /// `initial`, `full` or `periodic`: how far its transactions have been read.
    public var scan: String
    /// Transactions up to this day are complete, as far as the bank tells.
    public var completeThrough: LocalDate?

    /// Its members without braces, but for the one that names the connection.
    public func write(_ out: inout JSONWriter) {
        if let balance {
            out.object("balance") { balance.write(&$0) }
        } else {
            out.null("balance")
        }
        guard let transactions else { return out.null("transactions") }
        out.object("transactions") { out in
            transactions.write(&out)
            out.member("complete_through", completeThrough?.iso)
            out.member("scan", scan)
        }
    }
}

/// What freshness is judged by.
public struct FreshnessFacts: Sendable, Equatable {
    /// Of one product.
    public struct Seen: Sendable, Equatable {
        public var isScheduled: Bool
        public var due: Instant?
        public var okAt: Instant?
        public var triedAt: Instant?
        public var outcome: String?

        public init(
            isScheduled: Bool, due: Instant? = nil, okAt: Instant? = nil, triedAt: Instant? = nil,
            outcome: String? = nil
        ) {
            self.isScheduled = isScheduled
            self.due = due
            self.okAt = okAt
            self.triedAt = triedAt
            self.outcome = outcome
        }
    }

    public var connection: String
    public var institution: String
    public var products: ProductSet
    /// Whether the bank is asked at all.
    public var isActive: Bool
    public var isPaused: Bool
    /// When the connection is next looked at.
    public var dueAt: Instant
    public var balance: Seen
    public var transactions: Seen
    public var scan: String
    public var syncedTo: LocalDate?
    /// The calls of the last day, as `CallLedger` writes them.
    public var calls: String

    public init(
        connection: String, institution: String, products: ProductSet, isActive: Bool, isPaused: Bool, dueAt: Instant,
        balance: Seen, transactions: Seen, scan: String, syncedTo: LocalDate?, calls: String
    ) {
        self.connection = connection
        self.institution = institution
        self.products = products
        self.isActive = isActive
        self.isPaused = isPaused
        self.dueAt = dueAt
        self.balance = balance
        self.transactions = transactions
        self.scan = scan
        self.syncedTo = syncedTo
        self.calls = calls
    }

    /// - Parameter budget: of the connection at its bank.
    public func freshness(_ budget: CallBudget, at now: Instant) -> ConnectionFreshness {
        func product(_ product: Product, _ operation: BankOperation, _ seen: Seen) -> ProductFreshness? {
            guard products.contains(product) else { return nil }
            return ProductFreshness(
                asOf: seen.okAt, attemptedAt: seen.triedAt, outcome: seen.outcome, nextAttemptAt: next(seen),
                quotaLeft: budget.isLimited ? budget.left(operation, calls: calls, at: now) : nil)
        }
        return ConnectionFreshness(
            connection: connection, balance: product(.balance, .balance, balance),
            transactions: product(.transactions, .transactions, transactions), scan: scan, completeThrough: syncedTo)
    }

    /// A run that was put off, or waits to try again, holds back what is due before it.
    private func next(_ seen: Seen) -> Instant? {
        guard isActive, !isPaused, seen.isScheduled else { return nil }
        return max(seen.due ?? dueAt, dueAt)
    }
}
