import ArgumentParser
import Domain
import Foundation
import Logging
import Storage

/// Where the data is: shared by every command.
struct DataOptions: ParsableArguments {
    @Option(help: "A SQLite file, or postgres://user@host/database. Default: kubewa.db in the data folder.")
    var database: String?

    @Option(help: "The folder of the master key and, by default, of the SQLite file.")
    var data: String = "./data"

    @Option(help: "debug, info, notice, warning or error.")
    var logLevel: String = "notice"

    @Option(help: "A folder of files about institutions and who serves them. Default: institutions in the data folder.")
    var institutions: String?

    @Option(help: "A folder of profiles by which CSV statements are read. Default: profiles in the data folder.")
    var profiles: String?

    func location() throws -> DatabaseLocation {
        let environment = ProcessInfo.processInfo.environment["KUBEWA_DATABASE"].flatMap { $0.isEmpty ? nil : $0 }
        return try DatabaseLocation(database ?? environment ?? "\(data)/kubewa.db")
    }

    /// The key itself from the environment, or a file of the data folder.
    func masterKey() -> MasterKeySource {
        let variable = "KUBEWA_MASTER_KEY"
        if let value = ProcessInfo.processInfo.environment[variable], !value.isEmpty {
            return .value(value, variable: variable)
        }
        return .file(path: "\(data)/master.key")
    }

    func validate() throws {
        guard Logger.Level(rawValue: logLevel) != nil else {
            throw ValidationError("--log-level is debug, info, notice, warning or error.")
        }
    }

    struct NoFolder: Error, CustomStringConvertible {
        let path: String
        var description: String {
            "The data folder \(path) cannot be made. Check its rights, or name another with --data."
        }
    }

    struct NoInstitutions: Error, CustomStringConvertible {
        let path: String
        var description: String { "The folder of institutions \(path) cannot be read. Check --institutions." }
    }

    /// The JSON files of the folder in the order of their names. Only a folder that was named must be there.
    func institutionFiles() throws -> [(name: String, bytes: [UInt8])] {
        let folder = institutions ?? "\(data)/institutions"
        guard institutions != nil || FileManager.default.fileExists(atPath: folder) else { return [] }
        do {
            let names = try FileManager.default.contentsOfDirectory(atPath: folder)
            return try names.filter { $0.hasSuffix(".json") && !$0.hasPrefix(".") }.sorted().map { name in
                let path = "\(folder)/\(name)"
                return (path, Array(try Data(contentsOf: URL(filePath: path))))
            }
        } catch {
            throw NoInstitutions(path: folder)
        }
    }

    func makeFolder() throws {
        do {
            try FileManager.default.createDirectory(
                atPath: data, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw NoFolder(path: data)
        }
    }

    func logger() -> Logger {
        var logger = Logger(label: "kubewa") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = Logger.Level(rawValue: logLevel) ?? .notice
        return logger
    }
}

/// What `serve` and `demo` listen to.
struct ServeOptions: ParsableArguments {
    @OptionGroup var banks: BankOptions

    @Option(help: "The address to listen on.")
    var host: String = "127.0.0.1"

    @Option(help: "The port of the API.")
    var port: Int = 7700

    @Option(help: "The port of the sandbox bank, on this machine only.")
    var bankPort: Int = 7701

    @Option(help: "The root that callback and link URLs begin with. Default: http://<host>:<port>.")
    var publicURL: String?

    @OptionGroup var webhooks: WebhookNetworkOptions

    @Flag(help: "Let webhooks go to this machine. For development only.")
    var allowLoopbackWebhooks = false

    @Flag(help: "Let production link the sandbox bank. For tests only.")
    var sandboxInProduction = false

    @Option(help: "api answers requests, worker refreshes and delivers, all does both.")
    var role: NodeRole = .all

    @Option(help: "Requests per minute and key; 0 is no limit.")
    var rateLimit: Int = 0

    @Option(help: "Requests of one address a minute to each operation of the widget; 0 is no limit.")
    var addressLimit: Int = 300

    @Option(help: "Hours that a link to log in at a bank again works.")
    var reauthLinkHours: Int = 24

    @Option(help: "Seconds before a production connection may be asked again for what was just fetched; 0 is none.")
    var refreshCooldown: Int = 60

    @Option(help: "Seconds after which a request is answered with 503 while its work goes on.")
    var deadlineSeconds: Int = 30

    @Option(help: "Days that delivered events and their attempts are kept; 0 keeps them for good.")
    var retentionDays: Int = 90

    @Option(help: "Days that attempts are kept; 0 keeps them as long as their events.")
    var attemptRetentionDays: Int = 0

    @Option(help: "Megabytes of memory for pages that were read before; 0 keeps none.")
    var pageCacheMegabytes: Int = 64

    @Option(help: "No connection is refreshed by itself more often than this interval, such as five_minute.")
    var refreshFloor: String?

    @Option(help: "Seconds after which the work of a node that died is taken over, 2 or more.")
    var leaseSeconds: Int = 15

    @Option(help: "Seconds between looks for work by a node that nobody wakes.")
    var pollSeconds: Int = 1

    mutating func validate() throws {
        for (port, option) in [(port, "--port"), (bankPort, "--bank-port")] {
            guard (1...65_535).contains(port) else { throw ValidationError("\(option) is 1 to 65535.") }
        }
        guard port != bankPort else { throw ValidationError("--port and --bank-port are two ports, not one.") }
        if let publicURL {
            let url = URL(string: publicURL)
            guard url?.scheme == "https" || url?.scheme == "http", url?.host()?.isEmpty == false else {
                throw ValidationError("--public-url is a URL such as https://kubewa.example.")
            }
        }
        for (number, option) in [
            (rateLimit, "--rate-limit"), (addressLimit, "--address-limit"), (retentionDays, "--retention-days"),
            (attemptRetentionDays, "--attempt-retention-days"),
            (refreshCooldown, "--refresh-cooldown"),
        ] { guard number >= 0 else { throw ValidationError("\(option) is 0 or more.") } }
        guard deadlineSeconds >= 1 else { throw ValidationError("--deadline-seconds is 1 or more.") }
        guard leaseSeconds >= 2 else { throw ValidationError("--lease-seconds is 2 or more.") }
        guard reauthLinkHours >= 1 else { throw ValidationError("--reauth-link-hours is 1 or more.") }
        guard (0...65_536).contains(pageCacheMegabytes) else {
            throw ValidationError("--page-cache-megabytes is 0 to 65536.")
        }
        if let refreshFloor, RefreshInterval(rawValue: refreshFloor) == nil {
            let known = RefreshInterval.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--refresh-floor is an interval: \(known).")
        }
        guard pollSeconds >= 1 else { throw ValidationError("--poll-seconds is 1 or more.") }
    }

    var root: String {
        let shown = ["0.0.0.0": "127.0.0.1", "::": "[::1]"][host] ?? (host.contains(":") ? "[\(host)]" : host)
        let text = publicURL ?? "http://\(shown):\(port)"
        return text.hasSuffix("/") ? String(text.dropLast()) : text
    }
}

extension NodeRole: ExpressibleByArgument {}

/// SQLite is for one process, which does everything.
struct RoleRefused: Error, CustomStringConvertible {
    let role: NodeRole
    var description: String {
        "--role \(role.rawValue) needs PostgreSQL, since nodes share their work through it: give --database "
            + "postgres://…, or leave --role away on SQLite."
    }
}

/// The two environments as an option.
enum EnvironmentName: String, ExpressibleByArgument, CaseIterable {
    case sandbox, production
    var kind: EnvironmentKind { self == .sandbox ? .sandbox : .production }
}

/// An error as an operator is told of it: with what the database said, which holds no values and no password.
func told(_ error: any Error) -> String {
    guard let error = error as? StorageError, !error.detail.isEmpty else { return "\(error)" }
    return "\(error) (\(error.detail.split(whereSeparator: \.isWhitespace).joined(separator: " ")))"
}

/// Prints a sentence to standard error and ends with a failure.
func fail(_ error: any Error) -> ExitCode {
    let error: any Error = (error as? DomainError)?.naming(OptionNames.ofMembers) ?? error
    FileHandle.standardError.write(Data("kubewa: \(told(error))\n".utf8))
    return ExitCode(1)
}
