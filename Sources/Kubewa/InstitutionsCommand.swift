import ArgumentParser
import Connectors
import Domain
import Engine
import Foundation

struct InstitutionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "institutions", abstract: "Which connector serves which bank, and what connectors are given.",
        subcommands: [List.self, Check.self, Set.self, Unset.self, Settings.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the banks that can be linked, and how.")
        @OptionGroup var data: DataOptions
        @Option(name: .customLong("environment"), help: "sandbox or production.")
        var environment: EnvironmentName = .production
        @Option(help: "Only those of this connector.") var connector: String?
        @Flag(help: "Also institutions that nothing serves.") var all = false

        func run() async throws {
            try await withComposition(data) { composition in
                let rows = composition.services.institutions.served(environment.kind)
                    .filter { all || $0.connector != nil }
                    .filter { connector == nil || $0.connector == connector }
                if rows.isEmpty { Console.say("No bank is served in \(environment.rawValue) that way.") }
                for row in rows {
                    let codes = [row.institution.cbnCode, row.institution.nipCode].compactMap { $0 }
                    let fields = [
                        row.institution.slug, row.institution.name, row.connector ?? "not served",
                        row.access?.rawValue ?? "-", codes.isEmpty ? "-" : codes.joined(separator: " "),
                    ]
                    let successor = row.institution.successor.map { "  (now \($0))" } ?? ""
                    Console.say(fields.joined(separator: "  ") + successor)
                }
            }
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Look whether each connector has its settings and reaches its bank, and say what to do.")
        @OptionGroup var data: DataOptions
        @OptionGroup var banks: BankOptions
        @Option(name: .customLong("environment"), help: "sandbox or production.")
        var environment: EnvironmentName = .production
        @Option(help: "The root that callback and link URLs begin with, as for serve.") var publicURL: String?
        @Argument(help: "Only this connector.") var connector: String?
        @Flag(help: "Only look at files and settings; ask no bank.") var offline = false

        func run() async throws {
            var isGood = true
            try await withComposition(data, banks: banks, publicURL: publicURL) { composition in
                let found = try await composition.services.institutions.check(
                    environment.kind, connector: connector, offline: offline)
                for report in found {
                    Console.say("\(report.connector)  \(report.serves) institutions in \(environment.rawValue)")
                    for line in report.lines { Console.say("  " + (line.isGood ? "ok    " : "WRONG ") + line.text) }
                    if !report.isGood { isGood = false }
                }
            }
            if !isGood { throw ExitCode(1) }
        }
    }

    /// Where a setting holds.
    struct Place: ParsableArguments {
        @Argument(help: "The connector, as `institutions check` names it.") var connector: String
        @Argument(help: "The setting's name.") var key: String
        @Option(help: "One institution by slug, code or id; without it for all of the connector.")
        var institution: String?
        @Option(name: .customLong("environment"), help: "sandbox or production.")
        var environment: EnvironmentName = .production
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keep a key or another setting of a connector, sealed. The value is read from standard input.")
        @OptionGroup var data: DataOptions
        @OptionGroup var place: Place
        @Option(help: "Read the value from this file instead.") var file: String?

        func run() async throws {
            let value = try Self.value(file)
            try await withComposition(data) { composition in
                try await composition.services.connectorSettings.set(
                    place.key, of: place.connector, institution: place.institution, place.environment.kind, to: value)
                Console.say("\(place.key) of \(place.connector) is kept; servers use it within two seconds.")
            }
        }

        /// The end of the last line is not part of the value.
        private static func value(_ file: String?) throws -> String {
            let max = ConnectorSettingService.valueBytesMax
            let handle: FileHandle
            if let file {
                guard let opened = FileHandle(forReadingAtPath: file) else {
                    throw fail(DomainError.invalid("--file", "is a file that can be read, and \(file) cannot."))
                }
                handle = opened
            } else {
                handle = .standardInput
            }
            var bytes = Data()
            while bytes.count <= max, let more = try handle.read(upToCount: max + 2 - bytes.count), !more.isEmpty {
                bytes.append(more)
            }
            if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
            if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
            guard let text = String(bytes: bytes, encoding: .utf8) else {
                throw fail(DomainError.invalid("the value", "is a text in UTF-8."))
            }
            return text
        }
    }

    struct Unset: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Forget a setting of a connector.")
        @OptionGroup var data: DataOptions
        @OptionGroup var place: Place

        func run() async throws {
            try await withComposition(data) { composition in
                try await composition.services.connectorSettings.unset(
                    place.key, of: place.connector, institution: place.institution, place.environment.kind)
                Console.say("\(place.key) of \(place.connector) is forgotten.")
            }
        }
    }

    struct Settings: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the names of the settings that are kept. Values are never shown.")
        @OptionGroup var data: DataOptions

        func run() async throws {
            try await withComposition(data) { composition in
                let rows = try await composition.services.connectorSettings.list()
                if rows.isEmpty { Console.say("Nothing is set. See `kubewa institutions check`.") }
                for row in rows {
                    let fields = [
                        row.kind.rawValue, row.connector, row.institution ?? "all", row.key, row.updatedAt.iso,
                    ]
                    Console.say(fields.joined(separator: "  "))
                }
            }
        }
    }
}
