import Domain
import Logging
import NIOCore

/// A program that is configured: as many processes of it as its limits allow, each started when it is first needed.
public final class ProgramPool: BankProgram {
    private let hosts: [ProgramHost]

    /// - Parameter group: of threads that live as long as this process.
    public init(_ setup: ProgramSetup, group: any EventLoopGroup, runtime: any Runtime, logger: Logger) {
        hosts = (0..<max(1, setup.limits.processes)).map { _ in
            ProgramHost(setup, on: group.next(), runtime: runtime, logger: logger)
        }
    }

    public func ask(_ request: ProgramRequest) async throws(ProgramFault) -> [UInt8] {
        // The least busy one, and of those one that is not in trouble; the first is the first to be started.
        let loads = hosts.map { (host: $0, key: ($0.trouble == nil ? 0 : 1, $0.load)) }
        guard let chosen = loads.min(by: { $0.key < $1.key }) else { throw .stopped }
        return try await chosen.host.ask(request)
    }

    public var greeting: JSONValue? { hosts.lazy.compactMap(\.greeting).first }

    public var trouble: ProgramFault? {
        let troubles = hosts.map(\.trouble)
        return troubles.contains(nil) ? nil : troubles.compactMap { $0 }.first
    }

    public func stop() async {
        await withTaskGroup(of: Void.self) { group in
            for host in hosts { group.addTask { await host.stop() } }
        }
    }
}
