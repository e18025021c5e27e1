/// How one product of a connection was last fetched, as it is kept.
public struct ProductFacts: Sendable, Equatable {
    public var product: Product
    public var okAt: Instant?
    public var triedAt: Instant?
    /// `ok`, or the code of what kept it.
    public var outcome: String?
    public var nextAt: Instant?

    public init(product: Product, okAt: Instant?, triedAt: Instant?, outcome: String?, nextAt: Instant?) {
        self.product = product
        self.okAt = okAt
        self.triedAt = triedAt
        self.outcome = outcome
        self.nextAt = nextAt
    }
}

/// How a connection stands: its state, its last run and each of its products, kept apart. Times are the environment's.
public struct ConnectionReport: Sendable, Equatable {
    /// One attempt.
    public struct Execution: Sendable, Equatable {
        public var at: Instant
        /// nil when it went well.
        public var code: String?
        /// nil when it went well.
        public var errorClass: ErrorClass?
        public var isOK: Bool { code == nil }
        /// `ok`, `skipped` when the bank was not asked, or `failed`.
        public var outcome: String {
            guard let code else { return "ok" }
            return code.hasPrefix("skipped") ? "skipped" : "failed"
        }
    }

    /// One product.
    public struct ProductStatus: Sendable, Equatable {
        public var product: Product
        public var lastOKAt: Instant?
        /// nil before the first attempt.
        public var last: Execution?
        /// What has to happen; nil when it goes on by itself.
        public var next: ErrorClass?
        public var nextAttemptAt: Instant?
    }

    public var state: ConnectionState
    public var lastOKAt: Instant?
    public var lastFailAt: Instant?
    /// nil before the first run.
    public var lastExecution: Execution?
    public var products: [ProductStatus]

    /// - Parameters:
    ///   - lastError: the code that goes with `lastFailAt`.
    ///   - products: those that the connection has a schedule for.
    public init(
        state: ConnectionState, lastOKAt: Instant?, lastFailAt: Instant?, lastError: String?, products: [ProductFacts]
    ) {
        self.state = state
        let okAt = (products.compactMap(\.okAt) + [lastOKAt].compactMap { $0 }).max()
        self.lastOKAt = okAt
        self.lastFailAt = lastFailAt
        let failed = lastFailAt.flatMap { at in lastError.map { Self.execution(at, $0) } }
        let tried = products.compactMap { facts in
            facts.triedAt.map { Self.execution($0, facts.outcome ?? Self.ok) }
        }
        let succeeded = okAt.map { Self.execution($0, Self.ok) }
        // Where one product failed and another did not, the run is told as the one that failed.
        lastExecution = ([failed, succeeded].compactMap { $0 } + tried).max {
            ($0.at, $0.isOK ? 0 : 1) < ($1.at, $1.isOK ? 0 : 1)
        }
        let stopped = state.errorClass
        self.products = products.map { facts in
            let last = facts.triedAt.map { Self.execution($0, facts.outcome ?? Self.ok) }
            return ProductStatus(
                product: facts.product, lastOKAt: facts.okAt, last: last, next: stopped ?? last?.errorClass,
                nextAttemptAt: stopped == nil ? facts.nextAt : nil)
        }
    }

    private static let ok = "ok"

    private static func execution(_ at: Instant, _ outcome: String) -> Execution {
        guard outcome != ok else { return Execution(at: at, code: nil, errorClass: nil) }
        return Execution(
            at: at, code: outcome, errorClass: ConnectorError.Code(rawValue: outcome)?.errorClass ?? .retry)
    }

    /// What has to happen before the connection is served again; nil while all goes well.
    public var next: ErrorClass? { state.errorClass ?? lastExecution?.errorClass }

    /// When the bank is asked next; nil when only the person can bring that about, or nothing is asked by itself.
    public var nextAttemptAt: Instant? { products.compactMap(\.nextAttemptAt).min() }
}
