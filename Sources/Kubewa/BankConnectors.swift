import ArgumentParser
import Connectors
import Domain
import Engine
import Foundation
import Logging
import NIOPosix
import Outbound
import Storage

/// Every way to reach a bank that this server has, and who serves which institution. A new connector is one line here.
struct BankConnectors {
    let catalog: ConnectorCatalog
    /// Reaches the sandbox's own bank, on this machine only.
    let sandboxClient: BankHTTPClient
    private let client: BankHTTPClient
    private let programs: [ExecConnector]

    /// What connectors are made of.
    struct Parts {
        let database: Database
        let vault: Vault
        let runtime: any Domain.Runtime
        let logger: Logger
    }

    /// - Throws: `InstitutionMistake` for a rule that no connector can follow.
    init(_ setup: InstitutionSetup, _ banks: BankOptions, _ serve: ServeOptions, _ parts: Parts) throws {
        let group = MultiThreadedEventLoopGroup.singleton
        sandboxClient = BankHTTPClient(group: group)
        client = BankHTTPClient(group: group, vetting: banks.vetting(parts.runtime, serve))
        programs = setup.programs.map { program in
            let start = ExecConnector.setup(
                name: program.name, institutions: program.institutions, program.configuration)
            return ExecConnector(
                name: program.name, institutions: program.institutions, environments: program.environments,
                capabilities: program.configuration.capabilities,
                program: ProgramPool(start, group: group, runtime: parts.runtime, logger: parts.logger))
        }
        let sandbox = SandboxConnector(
            transport: sandboxClient, baseURL: "http://127.0.0.1:\(serve.bankPort)",
            pushSecret: parts.vault.index("sandbox bank", purpose: "push_secret"),
            environments: serve.sandboxInProduction ? [.sandbox, .production] : [.sandbox])
        let connectors: [any Connector] =
            [
                sandbox, FileConnector(book: StatementShelf(database: parts.database, vault: parts.vault)),
                MonoConnector(transport: client),
            ] + programs
        try setup.check(against: connectors)
        catalog = ConnectorCatalog(connectors, rules: setup.rules)
    }

    /// Starts all programs, so that what they can do is known before a bank of theirs is asked. One that cannot be
    /// started is told in the log, and its banks are down.
    func warmUp() async {
        await withTaskGroup(of: Void.self) { group in
            for program in programs {
                group.addTask {
                    do { try await program.warmUp() } catch { return }
                }
            }
        }
    }

    /// Ends programs and connections.
    func close() async {
        for program in programs { await program.stop() }
        await client.shutdown()
        await sandboxClient.shutdown()
    }
}

/// How banks are reached: shared by `serve` and the commands that ask a bank.
struct BankOptions: ParsableArguments {
    @Option(help: "A host in a private network that is a bank's, as gateway.bank.internal; may be given again.")
    var privateBankHost: [String] = []

    @Option(help: "A PEM file of authorities that banks' certificates may come from, beside the system's.")
    var bankAuthorities: String?

    @Flag(help: "Let banks be on this machine, over plain http too. For development only.")
    var allowLoopbackBanks = false

    func validate() throws {
        for host in privateBankHost {
            guard !host.isEmpty, !host.contains("/"), !host.contains(":") else {
                throw ValidationError("--private-bank-host is a host name without scheme, port and path.")
            }
        }
        if let bankAuthorities, !FileManager.default.isReadableFile(atPath: bankAuthorities) {
            throw ValidationError("--bank-authorities is a PEM file, and \(bankAuthorities) cannot be read.")
        }
    }

    func vetting(_ runtime: any Domain.Runtime, _ serve: ServeOptions) -> BankVetting {
        BankVetting(
            resolver: SystemResolver(group: MultiThreadedEventLoopGroup.singleton), runtime: runtime,
            privateHosts: Set(privateBankHost.map { $0.lowercased() }), allowsLoopback: allowLoopbackBanks,
            ownListeners: [("127.0.0.1", serve.port), ("127.0.0.1", serve.bankPort)], authorities: bankAuthorities)
    }
}
