import ArgumentParser
import Domain
import Engine
import Foundation
import Storage

struct ConnectionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connections", abstract: "Logins at banks.", subcommands: [Payloads.self])

    struct Payloads: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List what the bank answered in the last seven days, or show one answer as it came.")
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions
        @Option(help: "The connection's id.") var connection: String
        @Option(help: "The number of the answer to print. It is personal data: do not leave it lying about.")
        var show: Int64?

        func run() async throws {
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                let connections = composition.services.connections
                guard let show else {
                    let found = try await connections.payloads(of: connection, in: environment)
                    if found.isEmpty { Console.say("Nothing is kept of this connection.") }
                    for payload in found { Console.say(Self.line(payload)) }
                    return
                }
                let found = try await connections.payload(show, of: connection, in: environment)
                FileHandle.standardError.write(Data("This is a person's data. Do not keep or send it.\n".utf8))
                if found.summary.isTruncated {
                    FileHandle.standardError.write(Data("Only its first \(found.body.count) bytes were kept.\n".utf8))
                }
                FileHandle.standardOutput.write(Data(found.body + [10]))
            }
        }

        private static func line(_ payload: PayloadStore.Summary) -> String {
            let size = "\(payload.byteCount) bytes\(payload.isTruncated ? ", cut off" : "")"
            return "\(payload.id)  \(payload.fetchedAt.iso)  \(payload.operation)  \(size)"
        }
    }
}
