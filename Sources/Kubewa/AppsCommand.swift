import ArgumentParser
import Domain
import Engine
import Storage

struct AppsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apps", abstract: "Widget apps: what a page may ask for, and where it may send.",
        subcommands: [List.self, Create.self, Set.self])

    /// What can be set of an app; what is left out stays as it is.
    struct AppOptions: ParsableArguments {
        @Option(help: "What the app is called.") var name: String?
        @Option(help: "Products with commas: balance,transactions,identity. auth and accounts are always there.")
        var products: String?
        @Option(help: "Gets every event of the app's records, besides the environment's URL.") var callbackURL: String?
        @Option(help: "Where the full page sends the person back to.") var redirectURL: String?
        @Option(help: "Hosts with commas that a page may name in production. The sandbox accepts all.")
        var allowedHosts: String?
        @Option(help: "The refresh option of runs that give none: true, false, or an interval such as one_hour.")
        var refresh: String?
        @Option(help: "A second link of one person's account: merge (into the first), allow (a second), or reject.")
        var relink: String?

        func apply(to app: WidgetApp) throws -> WidgetApp {
            var app = app
            if let name { app.name = name }
            if let products {
                let asked = try products.split(separator: ",").map { try Product(wire: String($0)) }
                app.products = ProductSet([.auth, .accounts] + asked)
            }
            if let callbackURL { app.callbackURL = callbackURL.isEmpty ? nil : callbackURL }
            if let redirectURL { app.redirectURL = redirectURL.isEmpty ? nil : redirectURL }
            if let allowedHosts { app.allowedHosts = allowedHosts.split(separator: ",").map { $0.lowercased() } }
            if let refresh { app.refresh = try option(refresh) }
            if let relink {
                guard let policy = RelinkPolicy(rawValue: relink) else {
                    throw DomainError.invalid("relink", "must be merge, allow or reject.")
                }
                app.relink = policy
            }
            return app
        }

        private func option(_ text: String) throws -> String {
            if text == "true" || text == "false" { return text }
            let interval = try RefreshInterval(wire: text)
            return JSONValue.object(["interval": .string(interval.rawValue)]).encoded
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the apps of an environment.")
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions

        func run() async throws {
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                for app in try await composition.services.tenants.apps(environment) { Console.say(AppText.text(app)) }
            }
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a further app.")
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions
        @OptionGroup var options: AppOptions

        func run() async throws {
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                let made = try await composition.services.tenants.createApp(in: environment) {
                    try options.apply(to: $0)
                }
                Console.say(AppText.text(made))
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Change an app; by default the default one.")
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions
        @OptionGroup var options: AppOptions
        @Option(help: "The app's id.") var app: String?

        func run() async throws {
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                let apps = try await composition.services.tenants.apps(environment)
                guard let known = apps.first(where: { app == nil ? $0.isDefault : $0.id.hex == app }) else {
                    throw DomainError.notFound("app")
                }
                let changed = try options.apply(to: known)
                try await composition.services.tenants.update(changed, in: environment)
                Console.say(AppText.text(changed))
            }
        }
    }
}

enum AppText {
    static func text(_ app: WidgetApp) -> String {
        let hosts = app.allowedHosts.isEmpty ? "none" : app.allowedHosts.joined(separator: ", ")
        return [
            "\(app.id)  \(app.name)\(app.isDefault ? " (default)" : "")", "  products       \(app.products.column)",
            "  callback URL   \(app.callbackURL ?? "none")", "  redirect URL   \(app.redirectURL ?? "none")",
            "  allowed hosts  \(hosts)", "  refresh        \(app.refresh)",
            "  second link    \(app.relink.rawValue)",
        ].joined(separator: "\n")
    }
}
