import ArgumentParser
import Domain
import Engine
import Foundation

struct LinksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "links", abstract: "Short links, which open the widget without keys in a page.",
        subcommands: [Create.self, List.self, Remove.self, Reauth.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a short link; prints its URL.")
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions
        @OptionGroup var root: RootOptions
        @Option(help: "What you call the link.") var name: String
        @Option(help: "The app's id; by default the default one.") var app: String?
        @Option(help: "Products with commas; those of the app when left out.") var products: String?
        @Option(help: "Further options of the widget, as a JSON object.") var options: String?
        @Option(help: "The link ends after so many hours.") var hours: Int64?
        @Flag(help: "The link links one account, then it is over.") var singleUse = false

        func run() async throws {
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                var members: [String: JSONValue] = [:]
                if let options {
                    guard let given = try JSONValue(parsing: Array(options.utf8)).members else {
                        throw DomainError.invalid("--options", "must be a JSON object.")
                    }
                    members = given
                }
                if let products {
                    members["products"] = .array(products.split(separator: ",").map { .string(String($0)) })
                }
                var new = NewWidgetLink(name: name, appID: app, options: .object(members), isSingleUse: singleUse)
                if let hours {
                    guard hours > 0 else { throw DomainError.invalid("--hours", "must be 1 or more.") }
                    new.expiresAt = composition.services.core.runtime.now() + hours * 3_600_000
                }
                let link = try await composition.services.shortLinks.create(new, in: environment)
                Console.say(root.url(link))
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the short links, newest first.")
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions
        @OptionGroup var root: RootOptions

        func run() async throws {
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                var cursor: String?
                repeat {
                    let page = try await composition.services.shortLinks.list(
                        limit: 200, after: cursor, in: environment)
                    for link in page.views {
                        let end = link.expiresAt.map { "until \($0.iso)" } ?? "for good"
                        Console.say("\(link.id)  \(root.url(link))  \(end)  begun \(link.sessions) times  \(link.name)")
                    }
                    cursor = page.next
                } while cursor != nil
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a short link; what was linked by it stays.")
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions
        @Argument(help: "The link's id.") var link: String

        func run() async throws {
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                try await composition.services.shortLinks.remove(link, in: environment)
            }
        }
    }

    struct Reauth: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a link by which a person logs in at the bank of a connection again; prints its URL.")
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions
        @OptionGroup var root: RootOptions
        @Argument(help: "The connection's id.") var connection: String

        func run() async throws {
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                let link = try await composition.services.shortLinks.createReauth(
                    connection: connection, in: environment)
                Console.say(root.url(link))
            }
        }
    }
}

/// Where the server is that the links lead to.
struct RootOptions: ParsableArguments {
    @Option(help: "The root that links begin with, as given to `kubewa serve`.")
    var publicURL = "http://127.0.0.1:7700"

    func url(_ link: WidgetLinkView) -> String {
        "\(publicURL.hasSuffix("/") ? String(publicURL.dropLast()) : publicURL)/\(link.slug)"
    }
}
