import Testing

/// Time, chance and concurrency have one door each; errors are never swallowed.
@Suite("Effects")
struct EffectTests {
    /// The one file that may ask the machine for time, sleep and chance.
    private let runtimeFile = "SystemRuntime.swift"
    /// Classes that the compiler cannot see to be safe; each says beside it why it is.
    private let uncheckedSendable: Set<String> = [
        "Sources/Storage/BlockingThread.swift"
    ]
    private let uncheckedSendableMax = 6
    private let blockingExecutorFile = "Sources/Storage/BlockingThread.swift"

    private var product: [SourceFile] { Repository.shared.swift(under: "Sources/").filter { !$0.isTest } }
    private var strict: [SourceFile] {
        Repository.shared.swift(under: "Sources/Engine/", "Sources/Storage/", "Sources/Connectors/")
    }

    @Test("time, sleep and chance come from Runtime alone")
    func runtime() {
        let findings = product.filter { $0.name != runtimeFile }.flatMap { file in
            file.findings(
                of: "Date()", "Date.now", "UUID()", ".random(", ".randomElement(", ".shuffled()", "Task.sleep",
                "SystemRandomNumberGenerator", "ContinuousClock", "SuspendingClock", because: "take it from `Runtime`")
        }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("tests never sleep")
    func sleeplessTests() {
        let findings = Repository.shared.swift.filter(\.isTest).flatMap { file in
            file.findings(
                of: "Task.sleep", "Thread.sleep", "usleep(", "nanosleep(", "Glibc.sleep(",
                because: "wait on a signal or move a clock")
        }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("no error is dropped with `try?` in Engine, Storage and Connectors, and none is forced anywhere")
    func swallowedErrors() {
        let dropped = strict.flatMap { $0.findings(of: "try?", because: "handle the error or let it go up") }
        let forced = product.flatMap { $0.findings(of: "try!", "as!", because: "say what happens when it fails") }
        #expect((dropped + forced).isEmpty, "\(report(dropped + forced))")
    }

    @Test("nothing is force-unwrapped in Engine, Storage and Connectors")
    func forceUnwraps() {
        var findings: [Finding] = []
        for file in strict {
            for offset in file.code.offsets(of: "!") where isForceUnwrap(file.code.bytes, offset) {
                findings.append(Finding(path: file.path, line: file.code.line(at: offset), what: "forced `!`"))
            }
        }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("unstructured tasks start in the executable and in tests only")
    func unstructuredTasks() {
        let findings = product.filter { $0.target != "Kubewa" }.flatMap { file in
            file.findings(
                of: "Task {", "Task(", "Task.detached", "Task.immediate", "Task<",
                because: "use `async let`, a task group or a `Service`")
        }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("no dispatch queue or semaphore stands outside the blocking executor")
    func dispatch() {
        let findings = product.filter { $0.path != blockingExecutorFile }.flatMap { file in
            file.findings(
                of: "DispatchQueue", "DispatchSemaphore", "DispatchGroup", "NSLock", "pthread_create",
                because: "use `Mutex`, a task group or a database connection's own thread")
        }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("`@unchecked Sendable` is rare, listed and explained")
    func uncheckedSendables() {
        var findings: [Finding] = []
        var used: Set<String> = []
        for file in Repository.shared.swift(under: "Sources/") {
            for line in file.code.lines(containing: "@unchecked Sendable") {
                used.insert(file.path)
                if !uncheckedSendable.contains(file.path) {
                    findings.append(Finding(path: file.path, line: line, what: "not in this test's list"))
                } else if !file.hasComment(at: line) {
                    findings.append(Finding(path: file.path, line: line, what: "say above it why it is safe"))
                }
            }
        }
        #expect(findings.isEmpty, "\(report(findings))")
        #expect(used.count <= uncheckedSendableMax)
        #expect(uncheckedSendable.subtracting(used).isEmpty, "this list names files that need no exception any more")
    }

    @Test("a serialized suite says why")
    func serializedSuites() {
        let findings = Repository.shared.swift.filter(\.isTest).flatMap { file in
            file.code.lines(containing: ".serialized").filter { !file.hasComment(at: $0) }
                .map { Finding(path: file.path, line: $0, what: "say above it why it cannot run beside others") }
        }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    /// `x!`, `x!.y` and `x]!` are; `!x`, `x != y` and `try!` are not.
    private func isForceUnwrap(_ bytes: [UInt8], _ offset: Int) -> Bool {
        guard offset > 0 else { return false }
        let before = bytes[offset - 1]
        guard isWord(before) || ")]}\"?".utf8.contains(before) else { return false }
        if offset + 1 < bytes.count, bytes[offset + 1] == UInt8(ascii: "=") { return false }
        return !["try", "as"].contains { word in
            offset >= word.utf8.count && bytes[(offset - word.utf8.count)..<offset].elementsEqual(word.utf8)
        }
    }
}
