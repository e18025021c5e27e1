/// A program that speaks for a bank: it reads requests as lines of JSON and answers each with a line.
///
/// Whoever implements this starts the program when it is first asked, keeps it within its limits, and starts it again
/// when it died.
public protocol BankProgram: Sendable {
    /// Sends one request and returns the whole line that answers it, a JSON object with the request's number as `id`.
    func ask(_ request: ProgramRequest) async throws(ProgramFault) -> [UInt8]

    /// What it answered to its first request since it was started last; nil before that.
    var greeting: JSONValue? { get }

    /// Why it cannot be asked at this moment; nil when it can, or was never asked.
    var trouble: ProgramFault? { get }

    /// Ends the program and whatever it started. Requests under way fail, later ones are refused.
    func stop() async
}

/// One request to a program.
public struct ProgramRequest: Sendable {
    /// A JSON object with at least one member and without `id`, which is put in when it is sent.
    public var body: [UInt8]
    /// What must not come out in a log if the program repeats it.
    public var secrets: [String]
    /// The same of what a person typed just now; it is remembered longest.
    public var answers: [String] = []
    /// Asked again once when the program died while it was busy with something else too.
    public var isRepeatable: Bool
    /// The program's own deadline when nil.
    public var deadlineMs: Int64?

    public init(body: [UInt8], secrets: [String] = [], isRepeatable: Bool = false, deadlineMs: Int64? = nil) {
        self.body = body
        self.secrets = secrets
        self.isRepeatable = isRepeatable
        self.deadlineMs = deadlineMs
    }

    /// Hides both.
    public var mask: SecretMask { SecretMask(secrets + answers) }
}

/// Why a program gave no answer.
public enum ProgramFault: Error, Sendable, Equatable {
    /// It could not be started at all.
    case cannotStart(StartProblem)
    /// It did not answer its first request in time.
    case slowStart
    /// It answered its first request with something else than what it can do.
    case wrongGreeting
    /// It speaks another version of the protocol.
    case otherVersion
    /// It ended, or was ended, before it answered.
    case died
    case timedOut
    /// It printed what is no answer.
    case garbage
    case lineTooLong
    /// It printed more than it may.
    case flooded
    /// Too many requests wait for it.
    case busy
    /// It failed again and again and is left alone for a while.
    case resting(seconds: Int)
    /// Kubewa is being stopped.
    case stopped

    /// What the system said when it was to be started.
    public enum StartProblem: String, Sendable {
        case noSuchFile = "no_such_file"
        case notExecutable = "not_executable"
        case noSuchFolder = "no_such_folder"
        case other
    }
}

/// What is started, and what it may do.
public struct ProgramSetup: Sendable, Equatable {
    /// For logs.
    public var name: String
    /// The file, as an absolute path, and its arguments.
    public var command: [String]
    /// All of its environment; nothing is inherited.
    public var environment: [String: String]
    /// Where it is started; the root folder when nil.
    public var folder: String?
    public var limits: ProgramLimits
    /// The first request, as in `ProgramRequest.body`.
    public var greeting: [UInt8]
    /// The version of the protocol that its answer must name.
    public var version: Int64

    public init(
        name: String, command: [String], environment: [String: String] = [:], folder: String? = nil,
        limits: ProgramLimits = ProgramLimits(), greeting: [UInt8], version: Int64
    ) {
        self.name = name
        self.command = command
        self.environment = environment
        self.folder = folder
        self.limits = limits
        self.greeting = greeting
        self.version = version
    }
}

/// What a program may take.
public struct ProgramLimits: Sendable, Equatable {
    /// From the start to the answer to the first request.
    public var startMs: Int64 = 10_000
    /// From a request to its answer.
    public var callMs: Int64 = 30_000
    /// From the polite end of its input to the end by force.
    public var stopMs: Int64 = 2000
    /// Private writable memory of one process.
    public var memoryBytes: Int64 = 512 << 20
    /// One answer.
    public var lineBytes = 4 << 20
    /// All answers of a minute.
    public var outputBytesPerMinute = 256 << 20
    /// What is written to the error output in a minute; a sixteenth of it is logged.
    public var errorBytesPerMinute = 1 << 20
    public var openFiles: Int64 = 256
    /// Copies of the program that run beside one another.
    public var processes = 1

    /// Requests that one process is given at once, whatever it says that it can.
    public static let inFlightMax = 64
    /// Requests that wait for one process.
    public static let waitingMax = 1000

    public init() {}
}
