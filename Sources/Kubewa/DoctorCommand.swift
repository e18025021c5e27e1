import ArgumentParser
import Domain
import Engine
import Foundation
import Storage

/// Checks what a server needs and says what to do about what is missing.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Check the database, the master key, the clock and the ports.")

    /// A clock before this is plainly wrong: it is older than this program.
    private static let earliest = LocalDate(year: 2026, month: 1, day: 1)

    @OptionGroup var data: DataOptions
    @OptionGroup var serve: ServeOptions

    func run() async throws {
        var problems = 0
        func report(_ name: String, _ problem: String?) {
            if problem != nil { problems += 1 }
            Console.say("\(problem == nil ? "ok     " : "PROBLEM") \(name)\(problem.map { ": \($0)" } ?? "")")
        }
        report("clock", clockProblem())
        report("port \(serve.port) of the API", portProblem(serve.port, "--port", host: serve.host))
        report("port \(serve.bankPort) of the sandbox bank", portProblem(serve.bankPort, "--bank-port"))
        report("role \(serve.role.rawValue)", roleProblem())
        report("data folder \(data.data)", folderProblem())
        let (database, key, skew) = await storageProblems()
        report("database", database)
        if database == nil { report("clock of the database's server", skew) }
        report("master key", key)
        report(
            "webhooks to this machine",
            serve.allowLoopbackWebhooks ? "allowed; leave the option away in production" : nil)
        if problems > 0 { throw ExitCode(1) }
    }

    private func clockProblem() -> String? {
        guard let earliest = Self.earliest, SystemRuntime().now() < earliest.start() else { return nil }
        return "the machine's clock stands in the past; set it, for instance with systemd-timesyncd"
    }

    private func portProblem(_ port: Int, _ option: String, host: String = "127.0.0.1") -> String? {
        switch PortCheck.state(port, host: host) {
        case .free: nil
        case .inUse: "in use, by a Kubewa that runs or another program; end it or choose another with \(option)"
        case .noSuchAddress: "\(host) is no address of this machine; choose another with --host"
        case .forbidden: "needs rights that this user does not have; choose another with \(option)"
        }
    }

    private func roleProblem() -> String? {
        guard serve.role != .all, let location = try? data.location(), location.dialect == .sqlite else { return nil }
        return "\(RoleRefused(role: serve.role))"
    }

    /// A key file that is missing or cannot be read is the database's problem to tell.
    private func keyFileProblem() -> String? {
        guard case .file(let path) = data.masterKey(),
            let mode = try? FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int,
            mode & 0o077 != 0
        else { return nil }
        return "others can read \(path); run: chmod 600 \(path)"
    }

    private func folderProblem() -> String? {
        do { try data.makeFolder() } catch { return "cannot be made; check its rights" }
        return FileManager.default.isWritableFile(atPath: data.data) ? nil : "cannot be written; check its rights"
    }

    /// Asked twice, since the first question may wait for a connection.
    private func skewProblem(_ database: Database) async throws -> String? {
        let runtime = SystemRuntime()
        _ = try await database.serverTime()
        let asked = runtime.now()
        guard let theirs = try await database.serverTime() else { return nil }
        return ClockSkew.problem(ClockSkew.certainMs(asked: asked, answered: runtime.now(), theirs: theirs))
    }

    private func storageProblems() async -> (database: String?, key: String?, skew: String?) {
        do {
            let database = try await Database.open(try data.location(), logger: data.logger())
            do {
                _ = try await database.migrate(Migrations.all)
                let key: String?
                do {
                    _ = try await Vault.open(data.masterKey(), database: database, runtime: SystemRuntime())
                    key = keyFileProblem()
                } catch {
                    key = "\(error)"
                }
                let skew = try await skewProblem(database)
                await database.close()
                return (nil, key, skew)
            } catch {
                await database.close()
                return (told(error), "not checked, since the database does not open", nil)
            }
        } catch {
            return (told(error), "not checked, since the database does not open", nil)
        }
    }
}
