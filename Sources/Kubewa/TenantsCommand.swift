import ArgumentParser
import Domain
import Engine
import Storage

struct TenantsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tenants", abstract: "Businesses of this server.",
        subcommands: [Create.self, List.self, Remove.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a business with the keys of its sandbox and its production.")

        @OptionGroup var data: DataOptions
        @Option(help: "The business's name, as its users will read it.") var name: String
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            try await withComposition(data) { composition in
                let made = try await composition.services.tenants.create(name: name)
                Console.say(json ? TenantText.json(made) : TenantText.text(made))
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the businesses, those that were removed last.")
        @OptionGroup var data: DataOptions

        func run() async throws {
            try await withComposition(data) { composition in
                for tenant in try await composition.services.tenants.list() { Console.say(TenantText.line(tenant)) }
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a business with all its data, for good. Without --yes it only says what that would be.")
        @OptionGroup var data: DataOptions
        @Option(help: "The business's client token, as `kubewa tenants list` prints it.") var tenant: String
        @Flag(help: "Do it.") var yes = false

        func run() async throws {
            try await withComposition(data) { composition in
                let tenants = composition.services.tenants
                guard yes else {
                    Console.say(TenantText.preview(try await tenants.holdings(of: tenant)))
                    return
                }
                Console.say(TenantText.removed(try await tenants.remove(tenant)))
            }
        }
    }
}

/// A new business for reading and for scripts. The secrets are shown here once.
enum TenantText {
    static func json(_ made: CreatedTenant) -> String {
        var writer = JSONWriter()
        writer.object { out in
            out.member("tenant_id", made.id)
            out.member("client_token", made.clientToken)
            out.member("name", made.name)
            out.object("environments") { list in
                for each in made.environments {
                    list.key(each.environment.kind.rawValue)
                    list.object { out in
                        out.member("app_id", each.appID)
                        out.member("public_key", each.keys.publicKey)
                        out.member("secret_key", each.keys.secretKey)
                        out.member("webhook_secret", each.webhookSecret)
                    }
                }
            }
        }
        return writer.text
    }

    static func line(_ tenant: TenantRow) -> String {
        let line = "\(tenant.id)  \(tenant.createdAt.iso)  \(tenant.name)"
        guard let removed = tenant.removedAt else { return line }
        return "\(line)  (removed \(removed.iso), \(tenant.erasedAt.map { "erased \($0.iso)" } ?? "being erased"))"
    }

    /// What a removal would take away.
    static func preview(_ found: TenantHoldings) -> String {
        guard found.tenant.removedAt == nil else { return removed(found.tenant) }
        var lines = [line(found.tenant)]
        for each in found.environments {
            lines.append(
                "  \(each.kind.rawValue): \(count(each.connections)) connections, \(count(each.endpoints)) webhook "
                    + "endpoints, \(count(each.waiting)) deliveries waiting")
        }
        lines.append("Nothing was removed. With --yes all of it is removed for good, with the keys and all data.")
        return lines.joined(separator: "\n")
    }

    private static func count(_ number: Int) -> String {
        number < TenantStore.countedMax ? "\(number)" : "\(number) or more"
    }

    /// The same however often it is asked for.
    static func removed(_ tenant: TenantRow) -> String {
        let state =
            tenant.erasedAt == nil
            ? "A running server erases its data now, or else the next one that starts: see `kubewa tenants list`."
            : "Its data is erased; the ledger of consents stays."
        return """
            \(line(tenant))
            Its keys are revoked, and nothing is sent or fetched for it any more.
            \(state)
            """
    }

    static func text(_ made: CreatedTenant) -> String {
        var lines = ["\(made.name)", "  client token    \(made.clientToken)"]
        for each in made.environments {
            lines += [
                "\(each.environment.kind.rawValue)", "  app id          \(each.appID)",
                "  public key      \(each.keys.publicKey)", "  secret key      \(each.keys.secretKey)",
                "  webhook secret  \(each.webhookSecret)",
            ]
        }
        lines.append("Keep the secret keys and webhook secrets now: they are not shown again.")
        return lines.joined(separator: "\n")
    }
}

/// Which business and environment a command is about.
struct EnvironmentOptions: ParsableArguments {
    @Option(help: "The business's client token; may be left out when there is only one business.")
    var tenant: String?

    @Option(name: .customLong("env"), help: "sandbox or production.")
    var environment: EnvironmentName = .sandbox

    func find(_ services: Services) async throws -> Domain.Environment {
        if let tenant { return try await services.tenants.environment(of: tenant, environment.kind) }
        let all = try await services.tenants.list().filter { $0.removedAt == nil }
        guard all.count == 1, let only = all.first else {
            throw DomainError.invalid(
                "--tenant",
                all.isEmpty
                    ? "names nobody: make a business with `kubewa tenants create`."
                    : "is needed: there are several businesses. See `kubewa tenants list`.")
        }
        return try await services.tenants.environment(of: only.id.hex, environment.kind)
    }
}

struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Keys of a business.", subcommands: [List.self, Renew.self])

    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case `public`, secret
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the keys. Secret keys are not kept, so only their ids are shown.")
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions

        func run() async throws {
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                for key in try await composition.services.tenants.keys(of: environment) {
                    let state = key.revokedAt.map { "revoked \($0.iso)" } ?? "live"
                    Console.say("\(key.kind.rawValue)  \(key.publicValue ?? key.id)  \(key.createdAt.iso)  \(state)")
                }
            }
        }
    }

    struct Renew: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Replace a key. The old one stops to work within two seconds.")
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions
        @Option(help: "public or secret.") var kind: Kind

        func run() async throws {
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                Console.say(
                    try await composition.services.keys.renew(kind == .secret ? .secret : .publicKey, of: environment))
            }
        }
    }
}
