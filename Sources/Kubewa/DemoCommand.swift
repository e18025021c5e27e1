import ArgumentParser
import Domain
import Engine
import Foundation
import Storage

/// The first five minutes: a business, a linked account, a shop that receives, and the first webhooks.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Serve with a demo business, a linked sandbox account and a shop that waits for transfers.")

    @OptionGroup var data: DataOptions
    @OptionGroup var serve: ServeOptions
    @Option(help: "The port of the demo's shop, which receives the webhooks.") var shopPort: Int = 7702

    func run() async throws {
        var serve = serve
        serve.allowLoopbackWebhooks = true
        let options = serve
        do {
            try PortCheck.require(serve.port, "--port", host: serve.host)
            try PortCheck.require(serve.bankPort, "--bank-port")
            try PortCheck.require(shopPort, "--shop-port")
            let composition = try await Composition.open(
                data, serve: options, isServing: true, settings: Composition.settings(options))
            let demo = try await DemoWorld.prepare(composition, data: data, shopPort: shopPort)
            let shop = shop(demo, root: options.root)
            defer { end(shop) }
            Console.say("Webhooks may go to this machine: this is a demo, not for production.")
            try await composition.run(options) {
                // Not before signals are heard: a demo that is stopped earlier would leave its shop behind.
                await open(shop, composition.services.core.runtime)
                await demo.begin(composition.services, root: options.root, shop: "http://127.0.0.1:\(shopPort)/")
            }
        } catch {
            throw fail(error)
        }
    }

    /// A process of its own, as a customer's server is. Secrets go by the environment, not by the arguments, which
    /// other users could list.
    private func shop(_ demo: DemoWorld, root: String) -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = ["shop"]
        process.environment = ProcessInfo.processInfo.environment.merging(
            [
                "KUBEWA_URL": root, "KUBEWA_CLIENT_TOKEN": demo.clientToken, "KUBEWA_PUBLIC_KEY": demo.publicKey,
                "KUBEWA_SECRET_KEY": demo.secretKey, "KUBEWA_WEBHOOK_SECRET": demo.webhookSecret,
                "KUBEWA_ENV": demo.environment.kind.okraName, "SHOP_PORT": String(shopPort),
            ], uniquingKeysWith: { _, new in new })
        return process
    }

    /// Returns when the shop takes webhooks: the first ones come at once.
    private func open(_ shop: Process, _ runtime: any Runtime) async {
        do {
            try shop.run()
            while shop.isRunning, PortCheck.state(shopPort) == .free {
                try await runtime.sleep(until: runtime.now() + 20)
            }
        } catch {
            Console.say("The demo's shop could not be started: \(error)")
        }
    }

    /// Whoever sees the demo end finds its shop's port free.
    private func end(_ shop: Process) {
        guard shop.isRunning else { return }
        shop.terminate()
        shop.waitUntilExit()
    }
}

/// The demo's business. Its keys are kept in a file of the data folder, since the database keeps only their hashes.
struct DemoWorld: Sendable {
    private static let name = "Demo Shop"

    let environment: Domain.Environment
    let clientToken: String
    let publicKey: String
    let secretKey: String
    let webhookSecret: String

    private struct Saved: Codable {
        var clientToken: String
        var publicKey: String
        var secretKey: String
    }

    static func prepare(_ composition: Composition, data: DataOptions, shopPort: Int) async throws -> DemoWorld {
        let services = composition.services
        let file = "\(data.data)/demo-keys.json"
        let saved: Saved
        if let bytes = FileManager.default.contents(atPath: file) {
            saved = try JSONDecoder().decode(Saved.self, from: bytes)
        } else {
            let made = try await services.tenants.create(name: name)
            guard let sandbox = made.environments.first(where: { $0.environment.kind == .sandbox }) else {
                throw DomainError.notFound("sandbox")
            }
            saved = Saved(
                clientToken: made.clientToken, publicKey: sandbox.keys.publicKey, secretKey: sandbox.keys.secretKey)
            let bytes = try JSONEncoder().encode(saved)
            guard FileManager.default.createFile(atPath: file, contents: bytes, attributes: [.posixPermissions: 0o600])
            else { throw StorageError(.readOnly, file) }
        }
        let environment = try await services.tenants.environment(of: saved.clientToken, .sandbox)
        let endpoint = try await services.endpoints.set(
            in: environment, url: "http://127.0.0.1:\(shopPort)/hook", payload: .thin, token: nil)
        return DemoWorld(
            environment: environment, clientToken: saved.clientToken, publicKey: saved.publicKey,
            secretKey: saved.secretKey, webhookSecret: endpoint.secret ?? "")
    }

    /// Links one account as a person would, through the link API's own steps.
    func begin(_ services: Services, root: String, shop: String) async {
        Console.say(
            """

              ▶ The demo shop is open:  \(shop)
                Link a bank there, order a bag, and watch a transfer confirm it.

            Kubewa is at \(root)
              client token  \(clientToken)
              public key    \(publicKey)
              secret key    \(secretKey)

            Linking the sandbox user "success" at Access Bank …
            """)
        do {
            var view = try await services.links.begin(BeginLink(institution: "access-bank"), in: environment)
            while view.status == .active {
                view = try await services.links.answer(
                    sessionID: view.id, in: environment.scope, answer: answer(view.step), revision: view.revision)
            }
            Console.say("Linked: record \(view.connectionID ?? "-"), customer \(view.customerID ?? "-")")
            Console.say(
                """

                Read it back:
                  curl -s \(root)/v2/sandbox/balance/getByCustomer -H 'Authorization: Bearer \(secretKey)' \\
                    -H 'Content-Type: application/json' -d '{"customer":"\(view.customerID ?? "")"}'

                Post a transfer at the bank and watch it arrive (in another terminal):
                  .build/release/kubewa sandbox post --username success --bank access-bank --amount 4500

                Or pay in the shop: \(shop)

                Webhooks as the shop gets them:
                """)
        } catch {
            Console.say("The demo's account could not be linked: \(error)")
        }
    }

    private func answer(_ step: Step) -> StepAnswer {
        guard case .form(let form) = step else {
            if case .selectAccounts(let choices) = step { return StepAnswer(accounts: choices.map(\.upstreamID)) }
            return StepAnswer()
        }
        return StepAnswer(
            fields: Dictionary(
                form.fields.map { ($0.key, $0.key == "username" ? "success" : "pass") }, uniquingKeysWith: { $1 }))
    }
}
