import Domain
import Foundation
import Logging
import NIOPosix
import Outbound
import Synchronization
import TestKit
import Testing

/// Real processes: what a program does wrong has one outcome each, and the next request finds a new one.
@Suite(.timeLimit(.minutes(30)))
struct ProgramPoolTests {
    private static let opening = """
        import sys, json, os, signal
        def say(value):
            sys.stdout.write(json.dumps(value) + "\\n"); sys.stdout.flush()
        def ask():
            line = sys.stdin.readline()
            if not line: sys.exit(0)
            return json.loads(line)
        def greet(many=1): 
            assert ask()["id"] == 0
            say({"id": 0, "result": {"protocol": 1, "max_in_flight": many}})
        def echo():
            while True:
                request = ask(); say({"id": request["id"], "result": request})

        """

    private func pool(
        _ script: String, runtime: any Runtime = ManualRuntime(), log: LogLines = LogLines(),
        _ change: (inout ProgramSetup) -> Void = { _ in }
    ) -> ProgramPool {
        var setup = ProgramSetup(
            name: "exec:test", command: ["/usr/bin/python3", "-c", Self.opening + script],
            greeting: Array(#"{"operation":"describe"}"#.utf8), version: 1)
        setup.limits.stopMs = 1000
        // What a busy machine takes longer for is no time-out of a test.
        setup.limits.startMs = 120_000
        setup.limits.callMs = 120_000
        change(&setup)
        return ProgramPool(
            setup, group: MultiThreadedEventLoopGroup.singleton, runtime: runtime,
            logger: Logger(label: "test") { _ in log })
    }

    private func request(
        _ operation: String, isRepeatable: Bool = true, secrets: [String] = [], deadlineMs: Int64? = nil
    ) -> ProgramRequest {
        ProgramRequest(
            body: Array(#"{"operation":"\#(operation)"}"#.utf8), secrets: secrets, isRepeatable: isRepeatable,
            deadlineMs: deadlineMs)
    }

    private func fault(
        _ pool: ProgramPool, _ operation: String = "work", isRepeatable: Bool = true, deadlineMs: Int64? = nil
    ) async -> ProgramFault? {
        do {
            _ = try await pool.ask(request(operation, isRepeatable: isRepeatable, deadlineMs: deadlineMs))
            return nil
        } catch {
            return error
        }
    }

    @Test("requests come with numbers, and each gets the answer that bears its own")
    func numbers() async throws {
        let pool = pool(
            """
            greet(3)
            three = [ask(), ask(), ask()]
            for each in reversed(three): say({"result": each["operation"], "id": each["id"]})
            echo()
            """)
        async let first = pool.ask(request("a"))
        async let second = pool.ask(request("b"))
        async let third = pool.ask(request("c"))
        let answers = try await [first, second, third].map { try JSONValue(parsing: $0)["result"]?.text }
        #expect(answers == ["a", "b", "c"])
        await pool.stop()
    }

    @Test(
        "whatever a program does instead of answering has its name, and the next one is asked afresh",
        arguments: [
            ("print('hello', flush=True); signal.pause()", .garbage),
            ("print('{}', flush=True); signal.pause()", .garbage),
            ("say({'id': 999, 'result': {}}); signal.pause()", .garbage),
            ("print('{\"id\": 1, \"a\": \"' + 'x' * 70000, flush=True); signal.pause()", .lineTooLong),
            ("print('x' * 3000000, flush=True); signal.pause()", .flooded),
            ("for n in range(90000): print('grumble ' * 4, file=sys.stderr)\nsignal.pause()", .flooded),
            ("signal.pause()", .timedOut), ("sys.exit(0)", .died), ("os.kill(os.getpid(), 9)", .died),
            ("os.close(1); signal.pause()", .died), ("a = bytearray(300 << 20)", .died),
        ] as [(String, ProgramFault)])
    func faults(_ script: String, _ expected: ProgramFault) async throws {
        let mark = FileManager.default.temporaryDirectory.appending(path: "program-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: mark) }
        let pool = pool(
            """
            greet()
            if os.path.exists("\(mark)"): echo()
            open("\(mark)", "w").close()
            request = ask(); say({"id": request["id"], "result": {}})
            request = ask()
            \(script)
            """
        ) { setup in
            setup.limits.lineBytes = expected == .flooded ? 8 << 20 : 65_536
            setup.limits.outputBytesPerMinute = 2 << 20
            setup.limits.memoryBytes = 128 << 20
        }
        // A short deadline is of this request alone, and is not spent on the start of the process.
        _ = try await pool.ask(request("first"))
        #expect(await fault(pool, deadlineMs: expected == .timedOut ? 1500 : nil) == expected)
        let answer = try JSONValue(parsing: try await pool.ask(request("again")))
        #expect(answer["result"]?["operation"] == "again")
        await pool.stop()
    }

    @Test(
        "a program that does not start rightly is told by what was wrong",
        arguments: [
            ("signal.pause()", .slowStart), ("sys.exit(3)", .died),
            ("print('hi', flush=True); signal.pause()", .garbage),
            ("ask(); say({'id': 0, 'result': {}}); signal.pause()", .wrongGreeting),
            ("ask(); say({'id': 0, 'error': {'code': 'unsupported'}}); signal.pause()", .wrongGreeting),
            ("ask(); say({'id': 0, 'result': {'protocol': '1'}}); signal.pause()", .wrongGreeting),
            ("ask(); say({'id': 0, 'result': {'protocol': 2}}); signal.pause()", .otherVersion),
            ("greet(); say({'id': 0, 'result': {'protocol': 1}}); signal.pause()", .garbage),
        ] as [(String, ProgramFault)])
    func starts(_ script: String, _ expected: ProgramFault) async throws {
        let pool = pool(script) { if expected == .slowStart { $0.limits.startMs = 300 } }
        #expect(await fault(pool) == expected)
        await pool.stop()
    }

    @Test(
        "a program that cannot be started at all says why",
        arguments: [
            (["/nowhere/program"], nil, .noSuchFile), (["/etc/passwd"], nil, .notExecutable),
            (["/usr/bin/env"], "/nowhere", .noSuchFolder),
        ] as [([String], String?, ProgramFault.StartProblem)])
    func unstartable(_ command: [String], _ folder: String?, _ problem: ProgramFault.StartProblem) async throws {
        let pool = pool("") { setup in
            setup.command = command
            setup.folder = folder
        }
        #expect(await fault(pool) == .cannotStart(problem))
        #expect(pool.trouble == .cannotStart(problem))
        await pool.stop()
    }

    @Test("a program that fails again and again is left alone for a while")
    func rests() async throws {
        let runtime = ManualRuntime()
        let pool = pool("greet(); ask(); sys.exit(1)", runtime: runtime)
        #expect(await fault(pool) == .died)
        #expect(await fault(pool) == .died)
        #expect(await fault(pool) == .resting(seconds: 1))
        #expect(pool.trouble == .resting(seconds: 1))
        runtime.advance(milliseconds: 1000)
        #expect(await fault(pool) == .died)
        #expect(await fault(pool) == .resting(seconds: 2))
        await pool.stop()
        #expect(await fault(pool) == .stopped)
    }

    @Test("it inherits no variable and no open file, and runs where it is told to")
    func inheritsNothing() async throws {
        let held = open("/etc/passwd", O_RDONLY)
        defer { close(held) }
        let script = """
            greet()
            request = ask()
            say({"id": request["id"], "result": {
              "environment": open("/proc/self/environ").read().split("\\0")[:-1], "folder": os.getcwd(),
              "files": sorted(int(n) for n in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + n)),
              "group": os.getpgid(0) == os.getpid(), "mask": oct(os.umask(0)),
              "privileges": [line for line in open("/proc/self/status") if "NoNewPrivs" in line]}})
            echo()
            """
        let pool = pool(script) { setup in
            setup.environment = ["TZ": "Africa/Lagos", "PALM": "a=b"]
            setup.folder = "/tmp"
        }
        let answer = try JSONValue(parsing: try await pool.ask(request("look")))["result"]
        #expect(answer?["environment"] == ["PALM=a=b", "TZ=Africa/Lagos"])
        #expect(answer?["folder"] == "/tmp")
        #expect(answer?["files"] == [0, 1, 2])
        #expect(answer?["group"] == true)
        #expect(answer?["mask"] == "0o77")
        #expect(answer?["privileges"] == ["NoNewPrivs:\t1\n"])
        await pool.stop()
    }

    /// A grandchild that holds a lock for as long as it lives.
    private func startsGrandchild(_ lock: String, keepsOutput: Bool) -> String {
        """
        import subprocess
        code = "import fcntl,os,signal,sys; f=open('\(lock)','w'); fcntl.flock(f,fcntl.LOCK_EX); os.write(2,b'x'); "
        code += "signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"
        reader, writer = os.pipe()
        subprocess.Popen([sys.executable, "-c", code], stderr=writer\(keepsOutput ? "" : ", stdout=subprocess.DEVNULL"))
        os.read(reader, 1)

        """
    }

    /// Returns when nobody holds the lock any more.
    private func waitForLock(_ path: String) {
        let file = open(path, O_RDWR)
        #expect(flock(file, LOCK_EX) == 0)
        close(file)
    }

    @Test("at a stop all that a program started ends with it", arguments: [false, true])
    func stopsAll(_ ignoresTheEnd: Bool) async throws {
        let lock = FileManager.default.temporaryDirectory.appending(path: "lock-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: lock) }
        let rest =
            ignoresTheEnd ? "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: signal.pause()" : "echo()"
        let pool = pool(
            startsGrandchild(lock, keepsOutput: true)
                + "greet()\nrequest = ask()\nsay({'id': request['id'], 'result': {}})\n\(rest)")
        _ = try await pool.ask(request("work"))
        await pool.stop()
        waitForLock(lock)
    }

    @Test("a program that dies is noticed though what it started keeps its output open")
    func noticesDeath() async throws {
        let lock = FileManager.default.temporaryDirectory.appending(path: "lock-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: lock) }
        let pool = pool(startsGrandchild(lock, keepsOutput: true) + "greet()\nask()\nos._exit(1)")
        #expect(await fault(pool) == .died)
        waitForLock(lock)
        await pool.stop()
    }

    @Test("a request that kills the program takes no other along")
    func othersGoOn() async throws {
        let mark = FileManager.default.temporaryDirectory.appending(path: "program-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: mark) }
        let pool = pool(
            """
            greet(2)
            if os.path.exists("\(mark)"): echo()
            open("\(mark)", "w").close()
            ask(); ask(); sys.exit(1)
            """)
        async let poison = fault(pool, "poison", isRepeatable: false)
        async let work = pool.ask(request("work"))
        let answer = try JSONValue(parsing: try await work)
        #expect(answer["result"]?["operation"] == "work")
        #expect(await poison == .died)
        await pool.stop()
    }

    @Test("a request that hangs takes no other along")
    func hangs() async throws {
        let pool = pool(
            """
            greet(2)
            while True:
                request = ask()
                if request["operation"] != "hang": say({"id": request["id"], "result": request})
            """)
        _ = try await pool.ask(request("first"))
        async let hanging = fault(pool, "hang", isRepeatable: false, deadlineMs: 1500)
        for number in 0..<5 {
            let answer = try JSONValue(parsing: try await pool.ask(request("work\(number)")))
            #expect(answer["result"]?["operation"] == .string("work\(number)"))
        }
        #expect(await hanging == .timedOut)
        await pool.stop()
    }

    @Test("what it writes to its error output is logged without secrets, up to a limit")
    func logs() async throws {
        let log = LogLines()
        let pool = pool(
            """
            greet()
            while True:
                request = ask()
                print("cannot log in with Zaria-Horse-71 on 0123456789, token=abc", file=sys.stderr, flush=True)
                for n in range(40): print("x" * 1000, file=sys.stderr, flush=True)
                say({"id": request["id"], "result": {}})
            """, log: log
        ) { $0.limits.errorBytesPerMinute = 64 << 10 }
        _ = try await pool.ask(request("work", secrets: ["Zaria-Horse-71"]))
        let line = await log.first { $0.contains("cannot log in") }
        #expect(line.contains("cannot log in with [hidden] on [hidden], token=[hidden]"))
        await pool.stop()
        #expect(log.all.count { $0.contains("xxxx") } <= 4)
        #expect(!log.all.contains { $0.contains("Zaria") || $0.contains("0123456789") })
    }

    @Test("a password that a person typed is hidden after texts of any number, and many short lines are no way round")
    func floodOfLines() async throws {
        let log = LogLines()
        let pool = pool(
            """
            greet()
            while True:
                request = ask()
                if request["operation"] == "last":
                    print("trying Zaria-Horse-71 with it", file=sys.stderr)
                    print("x\\n" * 5000, file=sys.stderr, flush=True)
                say({"id": request["id"], "result": {}})
            """, log: log)
        var typed = request("login")
        typed.answers = ["Zaria-Horse-71"]
        _ = try await pool.ask(typed)
        for number in 0..<3 {
            _ = try await pool.ask(request("work", secrets: (0..<300).map { "state-\(number)-\($0)-of-a-link" }))
        }
        _ = try await pool.ask(request("last"))
        let line = await log.first { $0.contains("trying") }
        #expect(line.contains("trying [hidden] with it"))
        await pool.stop()
        #expect((1...1024).contains(log.all.count { $0.contains("text=x") }))
        #expect(!log.all.contains { $0.contains("Zaria") })
    }

    @Test("several processes work beside one another")
    func processes() async throws {
        let pool = pool("greet()\nwhile True:\n  request = ask(); say({'id': request['id'], 'result': os.getpid()})") {
            $0.limits.processes = 2
        }
        var seen: Set<JSONValue> = []
        // The second process is started when the first one is busy.
        while seen.count < 2 {
            async let one = pool.ask(request("a"))
            async let other = pool.ask(request("b"))
            for answer in try await [one, other] { seen.insert(try JSONValue(parsing: answer)["result"] ?? .null) }
        }
        await pool.stop()
    }

    @Test("who stops waiting is not held up by the program")
    func leaves() async throws {
        let pool = pool("greet()\necho_none = ask()\nsignal.pause()")
        let waiting = Task { try await pool.ask(request("work")) }
        waiting.cancel()
        await #expect(throws: ProgramFault.self) { try await waiting.value }
        await pool.stop()
    }
}

/// Keeps what is logged.
struct LogLines: LogHandler {
    private final class Kept: Sendable {
        let lines = Mutex<[String]>([])
        let stream: AsyncStream<String>
        let continuation: AsyncStream<String>.Continuation
        init() { (stream, continuation) = AsyncStream.makeStream() }
    }

    private let kept = Kept()
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let more = (event.metadata ?? [:]).map { "\($0.key)=\($0.value)" }.sorted()
        let text = "\(event.level) \(event.message) \(more)"
        kept.lines.withLock { $0.append(text) }
        kept.continuation.yield(text)
    }

    var all: [String] { kept.lines.withLock { $0 } }

    func first(where isIt: (String) -> Bool) async -> String {
        for await line in kept.stream where isIt(line) { return line }
        return ""
    }
}
