import ArgumentParser
import Domain
import Engine
import Foundation
import Storage

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve the API, the sandbox bank and every engine loop.")

    @OptionGroup var data: DataOptions
    @OptionGroup var serve: ServeOptions

    func run() async throws {
        do {
            try PortCheck.require(serve.port, "--port", host: serve.host)
            try PortCheck.require(serve.bankPort, "--bank-port")
            let composition = try await Composition.open(
                data, serve: serve, isServing: true, settings: Composition.settings(serve))
            let place = try data.location()
            try await composition.run(serve) { welcome(to: place) }
        } catch {
            throw fail(error)
        }
    }

    private func welcome(to location: DatabaseLocation) {
        Console.say(
            "Kubewa serves \(serve.root) on \(location)" + (serve.role == .all ? "" : " as \(serve.role.rawValue)"))
        if serve.allowLoopbackWebhooks {
            Console.say("Webhooks may go to this machine (--allow-loopback-webhooks). Never set this in production.")
        }
        for notice in serve.webhooks.notices { Console.say(notice) }
        if serve.banks.allowLoopbackBanks {
            Console.say("Banks may be on this machine (--allow-loopback-banks). Never set this in production.")
        }
        Console.say("ready")
    }
}

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the database to this version's schema.")

    @OptionGroup var data: DataOptions

    func run() async throws {
        try await withComposition(data) { composition in
            Console.say("The database \(composition.database.location) is up to date.")
        }
    }
}

/// Opens everything for a command that does one thing, and closes it again.
func withComposition(
    _ data: DataOptions, banks: BankOptions? = nil, publicURL: String? = nil,
    _ body: (Composition) async throws -> Void
) async throws {
    do {
        var serve = try ServeOptions.parse([])
        if let banks { serve.banks = banks }
        serve.publicURL = publicURL
        var settings = EngineSettings(publicURL: serve.root)
        settings.defersLoopback = true
        let composition = try await Composition.open(data, serve: serve, isServing: false, settings: settings)
        do {
            try await body(composition)
        } catch {
            await composition.close()
            throw error
        }
        await composition.close()
    } catch {
        throw fail(error)
    }
}

/// What a person reads.
enum Console {
    static func say(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }
}
