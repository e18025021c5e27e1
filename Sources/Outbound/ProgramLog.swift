import Domain
import Logging
import Synchronization

/// What is told of a program: its starts and ends, and what it writes to its error output, masked and within a limit.
final class ProgramLog: Sendable {
    private static let charactersMax = 1000
    private static let windowMs: Int64 = 60_000
    /// A line costs as much as one of this length: many short ones are no way round the limit.
    private static let lineBytesMin = 64

    private struct State {
        var windowEnds = Instant(ms: 0)
        var bytes = 0
        var leftOut = 0
    }

    private let name: String
    private let bytesMax: Int
    private let runtime: any Runtime
    private let logger: Logger
    private let state = Mutex(State())

    init(_ setup: ProgramSetup, runtime: any Runtime, logger: Logger) {
        name = setup.name
        bytesMax = setup.limits.errorBytesPerMinute / 16
        self.runtime = runtime
        self.logger = logger
    }

    func note(_ what: String, _ level: Logger.Level, _ more: Logger.Metadata = [:]) {
        logger.log(level: level, "program: \(what)", metadata: more.merging(["program": "\(name)"]) { $1 })
    }

    /// One line of its error output.
    /// - Parameter mask: asked for only when the line is written, since making it costs far more than a line.
    func say(_ line: [UInt8], _ mask: () -> SecretMask) {
        let now = runtime.now()
        let leftOut = state.withLock { state -> Int? in
            if now >= state.windowEnds {
                state.windowEnds = now + Self.windowMs
                state.bytes = 0
            }
            let cost = max(line.count, Self.lineBytesMin)
            guard state.bytes + cost <= bytesMax else {
                state.leftOut += 1
                return nil
            }
            state.bytes += cost
            defer { state.leftOut = 0 }
            return state.leftOut
        }
        guard let leftOut else { return }
        var more: Logger.Metadata = [
            "text": "\(mask().mask(String(decoding: line, as: UTF8.self)).prefix(Self.charactersMax))"
        ]
        if leftOut > 0 { more["lines_left_out"] = "\(leftOut)" }
        note("it says", .notice, more)
    }
}
