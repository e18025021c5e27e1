import ArgumentParser
import Foundation
import Shop

/// The shop of `Examples/shop`, within this binary so that the demo needs no second one.
struct ShopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shop", abstract: "Serve the demo's shop alone, for a Kubewa that runs elsewhere.",
        discussion: """
            It is told where Kubewa is, and its keys, by the environment: KUBEWA_URL, KUBEWA_CLIENT_TOKEN, \
            KUBEWA_PUBLIC_KEY, KUBEWA_SECRET_KEY, KUBEWA_WEBHOOK_SECRET, SHOP_PORT.
            """)

    func run() async throws {
        do {
            let settings = try ShopSettings(ProcessInfo.processInfo.environment)
            try PortCheck.require(settings.port, "SHOP_PORT")
            try await ShopApp(settings: settings, say: Console.say).run()
        } catch {
            throw fail(error)
        }
    }
}
