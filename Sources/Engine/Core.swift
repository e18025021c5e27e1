import Connectors
import Domain
import Logging
import Storage

/// What every service and loop stands on. Made once, in the composition.
public struct Core: Sendable {
    public let database: Database
    public let vault: Vault
    public let runtime: any Runtime
    public let connectors: ConnectorCatalog
    public let settings: EngineSettings
    public let sequence: SequenceBlock
    public let wakes: Wakes
    let pages: PageCache
    let counters = EngineCounters()
    let signing = SigningCache()
    /// What tells the traces of this installation from those of others, 16 digits.
    let traces: String
    let gate = BankGate()
    let board = InstitutionBoard()
    let settingsBook = SettingsBook()
    /// Rung for a connection whose run has ended or was put off.
    let refreshBells = LinkBells()
    let epochs = EpochBook()
    /// Rung when a replay was asked for.
    let replays = Signal()
    /// Names this process among the nodes of one database.
    let nodeID: String
    public let logger: Logger

    public init(
        database: Database, vault: Vault, runtime: any Runtime, connectors: ConnectorCatalog, settings: EngineSettings,
        logger: Logger
    ) {
        self.database = database
        self.vault = vault
        self.runtime = runtime
        self.connectors = connectors
        self.settings = settings
        self.logger = logger
        sequence = SequenceBlock(database: database)
        wakes = Wakes()
        pages = PageCache(bytesMax: settings.pageCacheBytes)
        nodeID = Hex.encode(runtime.randomBytes(8))
        traces = String(vault.index("installation", purpose: "trace").prefix(16))
        database.onCommit { [lanes = wakes.lanes] in lanes.ring($0) }
    }

    /// The header of one attempt, which the log of attempts shows again.
    func trace(event: Int64, delivery: Int64, attempt: Int64) -> (name: String, value: String) {
        let place = TraceParent(installation: traces, event: event, delivery: delivery, attempt: attempt)
        return ("traceparent", place.header)
    }

    /// Seals inside the unit that writes what is sealed.
    func seal(_ plain: [UInt8], _ context: SealContext, _ tx: Transaction) throws -> [UInt8] {
        try vault.seal(plain, context, on: tx.db)
    }

    /// The environment of a lane, which its owner has lost when the business was removed.
    func environment(of lease: LaneLease) async throws -> Environment {
        guard let found = try await database.read({ try TenantStore.environment(lease.environmentID, $0) }) else {
            throw LeaseLost()
        }
        return found
    }

    /// An environment as it is now, its clock included.
    func environment(_ scope: Scope) async throws -> Environment {
        guard let found = try await database.read({ try TenantStore.environment(scope.environmentID, $0) }) else {
            throw DomainError.notFound("environment")
        }
        return found
    }
}

/// What an operator sets for the engine.
public struct EngineSettings: Sendable {
    /// The root of callback, link and push URLs, without a slash at its end.
    public var publicURL: String
    /// Lets webhooks go to this machine; for development, printed at start.
    public var allowsLoopbackWebhooks: Bool
    /// Lets a URL of this machine be set where it cannot be known whether the server sends there, as in a command that
    /// runs beside it. It is judged when it is sent to.
    public var defersLoopback = false
    /// Private ranges that webhooks may go to besides public addresses.
    public var webhookRanges: [AddressRange] = []
    public var linkSessionMinutes: Int64
    /// How long a link to log in again works.
    public var reauthLinkHours: Int64 = 24
    /// The server answers 503 after this long while the work goes on.
    public var deadlineSeconds: Int64
    /// Requests per minute and key; 0 is no limit.
    public var rateLimitPerMinute: Int
    /// The work of a node that died is taken over after so long; a node that was frozen longer has lost it.
    public var leaseMs: Int64
    /// A loop that nobody wakes looks for work so often.
    public var pollMs: Int64
    /// Memory for pages that were read before; 0 keeps none.
    public var pageCacheBytes: Int
    /// Events that were delivered are kept so long; 0 keeps them for good.
    public var retentionDays: Int64
    /// Attempts are kept so long; 0 keeps them as long as their events.
    public var attemptRetentionDays: Int64 = 0
    /// A production connection's product that was fetched well is not asked for again before so long; 0 is no limit.
    public var refreshCooldownSeconds: Int64 = 60
    /// No product of any connection is refreshed by itself more often than this, in milliseconds; 0 is no floor.
    public var refreshFloorMs: Int64 = 0
    /// Webhook requests under way at once are about so many at most, all endpoints together; each has a socket.
    public var deliveriesInFlight = 1024

    /// How CSV statements are read.
    public var statementProfiles = CSVProfiles.builtIn

    public init(
        publicURL: String, allowsLoopbackWebhooks: Bool = false, linkSessionMinutes: Int64 = 30,
        deadlineSeconds: Int64 = 30, rateLimitPerMinute: Int = 0, leaseMs: Int64 = 15_000, pollMs: Int64 = 1000,
        pageCacheBytes: Int = 64 << 20, retentionDays: Int64 = 90
    ) {
        self.publicURL = publicURL
        self.allowsLoopbackWebhooks = allowsLoopbackWebhooks
        self.linkSessionMinutes = linkSessionMinutes
        self.deadlineSeconds = deadlineSeconds
        self.rateLimitPerMinute = rateLimitPerMinute
        self.leaseMs = leaseMs
        self.pollMs = pollMs
        self.pageCacheBytes = pageCacheBytes
        self.retentionDays = retentionDays
    }
}
