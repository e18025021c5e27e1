import CProcess
import Domain
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A process that runs, and this side's ends of its pipes.
struct SpawnedProgram: Sendable {
    let pid: Int32
    let input: CInt
    let output: CInt
    let error: CInt
}

/// Starts programs: see `Sources/CProcess/process.c` for what they are given and what not.
enum ProgramSpawner {
    /// Call it on a thread that lives as long as this process: the program is killed when that thread ends.
    static func start(_ setup: ProgramSetup) -> Result<SpawnedProgram, ProgramFault> {
        // Writing to a program that died is an error and not the end of this process.
        signal(SIGPIPE, SIG_IGN)
        guard let path = setup.command.first else { return .failure(.cannotStart(.noSuchFile)) }
        let environment = setup.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let limits = kubewa_limits(
            memory_bytes: UInt64(max(1, setup.limits.memoryBytes)), open_files: UInt64(max(16, setup.limits.openFiles)))
        let made = withStrings(setup.command) { arguments in
            withStrings(environment) { kubewa_start(path, arguments, $0, setup.folder ?? "/", limits) }
        }
        guard made.pid > 0 else { return .failure(.cannotStart(problem(made))) }
        return .success(SpawnedProgram(pid: made.pid, input: made.input, output: made.output, error: made.error))
    }

    private static func problem(_ made: kubewa_process) -> ProgramFault.StartProblem {
        if made.failed_at == CChar(UInt8(ascii: "c")) { return .noSuchFolder }
        guard made.failed_at == CChar(UInt8(ascii: "e")) else { return .other }
        switch made.failure {
        case ENOENT, ENOTDIR: return .noSuchFile
        case EACCES, ENOEXEC, EPERM: return .notExecutable
        default: return .other
        }
    }

    /// An array of C strings that ends with a null pointer.
    private static func withStrings<Value>(
        _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Value
    ) -> Value {
        let copies = texts.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return (copies + [nil]).withUnsafeBufferPointer { pointers in
            guard let first = pointers.baseAddress else { preconditionFailure("an array of one has an address") }
            return body(first)
        }
    }

    static func kill(_ pid: Int32, _ number: Int32) { kubewa_signal_group(pid, number) }

    /// True when the process is gone; then what it left in its group is killed too.
    static func reap(_ pid: Int32) -> Bool { kubewa_reap(pid) != 0 }
}
