import Foundation
import Glibc
import ServiceLifecycle

/// Ends the process when stopping takes longer than was promised: a database that does not answer holds the threads
/// that wait for it, and no task can end those. What was not committed is done again by the next start.
struct StopLimit: Service {
    private static let marginSeconds = 5
    let seconds: Int

    func run() async throws {
        try await gracefulShutdown()
        let limit = seconds + Self.marginSeconds
        Thread {
            Thread.sleep(forTimeInterval: Double(limit))
            FileHandle.standardError.write(Data("kubewa: not stopped within \(limit) s; ended as it is\n".utf8))
            _exit(1)
        }.start()
    }
}
