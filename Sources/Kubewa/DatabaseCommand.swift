import ArgumentParser
import Domain
import Engine
import Storage

struct DatabaseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "database", abstract: "What a restore from a backup needs.",
        subcommands: [NewEpoch.self, Epochs.self])

    struct NewEpoch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "new-epoch",
            abstract: "Say that the database was restored from a copy, where `serve` does not see it by itself.")
        @OptionGroup var data: DataOptions

        func run() async throws {
            try await withComposition(data) { composition in
                let keeper = EpochKeeper(core: composition.services.core, data: data.data)
                let epoch = try await keeper.begin()
                Console.say("Events are counted in epoch \(epoch). Readers are told of it; none has to be changed.")
            }
        }
    }

    struct Epochs: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the epochs that began since the database was made, the newest first, and why.")
        @OptionGroup var data: DataOptions

        func run() async throws {
            try await withComposition(data) { composition in
                for each in try await composition.database.read({ try EpochStore.history($0) }) {
                    Console.say("\(each.epoch)  \(each.at.iso)  \(each.reason)")
                }
            }
        }
    }
}
