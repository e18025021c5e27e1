import Connectors
import Domain
import Foundation
import Logging
import NIOPosix
import Outbound
import Synchronization
import TestKit

/// The example of `Examples/exec-bank` on a made-up export of its own, run as the server runs programs.
struct ExecWorld {
    static let institution = "kuda-bank"
    static let now = Instant(ms: 1_705_309_200_000)
    /// What Ada's phone shows at `now`.
    static let code = "182220"
    static let login = StepAnswer(fields: ["username": "ada", "password": "palm-tree-41"])
    static let secrets = ["palm-tree-41", "not-it", code, "setting-secret", "22200000041"]

    let folder: URL
    let program: ProgramPool
    let connector: ExecConnector

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "palm-\(UUID().uuidString)")
        let script = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../../Examples/exec-bank/palm_bank.py").standardizedFileURL.path
        let make = Process()
        make.executableURL = URL(filePath: "/usr/bin/python3")
        make.arguments = [script, "make", folder.path, "2024-01-15"]
        try make.run()
        make.waitUntilExit()
        guard make.terminationStatus == 0 else { throw NoExport() }
        var configuration = ExecConfiguration(command: ["/usr/bin/python3", script, "serve", folder.path])
        configuration.variables = ["PYTHONDONTWRITEBYTECODE": "1"]
        program = ProgramPool(
            ExecConnector.setup(name: "palm", institutions: [Self.institution], configuration),
            group: MultiThreadedEventLoopGroup.singleton, runtime: ManualRuntime(), logger: Logger(label: "exec"))
        connector = Self.connector(program)
    }

    struct NoExport: Error {}

    static func connector(_ program: any BankProgram) -> ExecConnector {
        ExecConnector(
            name: "palm", institutions: [institution], environments: [.production], capabilities: ExecCapabilities(),
            program: program)
    }

    static func context() -> ConnectorContext {
        ConnectorContext(
            environmentID: 1, institution: institution, now: now, correlationID: "test",
            settings: ConnectorSettings(["api_key": "setting-secret"]))
    }

    /// Ends the program and takes the export away.
    func close() async throws {
        await program.stop()
        try FileManager.default.removeItem(at: folder)
    }
}

/// A program whose exchanges go wrong as an HTTP exchange would.
struct FaultyProgram: BankProgram {
    let inner: any BankProgram
    let fault: TransportFault?

    var greeting: JSONValue? { inner.greeting }
    var trouble: ProgramFault? { inner.trouble }
    func stop() async { await inner.stop() }

    func ask(_ request: ProgramRequest) async throws(ProgramFault) -> [UInt8] {
        switch fault {
        case nil: return try await inner.ask(request)
        case .cannotConnect: throw .cannotStart(.noSuchFile)
        case .timedOut: throw .timedOut
        case .brokenOff: throw .died
        case .halfBody:
            let whole = try await inner.ask(request)
            return Array(whole.prefix(whole.count / 2))
        case .html(let status) where status == 200: return Array("<html><body>Back soon</body></html>".utf8)
        case .reply(let status, let headers, let body) where status == 200 || status == 429:
            guard status == 429 else { return Array(body.utf8) }
            let seconds = headers["Retry-After"] ?? "1"
            return error(#""code":"rate_limited","retry_after_seconds":\#(seconds)"#)
        default: return error(#""code":"provider_unavailable""#)
        }
    }

    private func error(_ members: String) -> [UInt8] { Array(#"{"id":1,"error":{\#(members)}}"#.utf8) }
}

/// Answers with what a test says.
final class ScriptedProgram: BankProgram {
    private let answers: Mutex<[String]>
    private let heard = Mutex<[JSONValue]>([])
    let greeting: JSONValue?
    let trouble: ProgramFault?

    init(_ answers: String..., greeting: JSONValue? = nil, trouble: ProgramFault? = nil) {
        self.answers = Mutex(answers)
        self.greeting = greeting
        self.trouble = trouble
    }

    var requests: [JSONValue] { heard.withLock { $0 } }
    func stop() async {}

    func ask(_ request: ProgramRequest) async throws(ProgramFault) -> [UInt8] {
        do {
            let asked = try JSONValue(parsing: request.body)
            heard.withLock { $0.append(asked) }
        } catch {
            throw .garbage
        }
        let answer = answers.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        guard let answer else { throw .died }
        return Array(#"{"id":1,\#(answer)}"#.utf8)
    }
}
