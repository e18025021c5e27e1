import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// The shop's web server: its page, what the page asks for, and the receiver of webhooks.
public struct ShopApp: Sendable {
    static let requestBytesMax = 1 << 20
    static let pingSeconds = 15

    private let settings: ShopSettings
    private let desk: ShopDesk
    private let say: @Sendable (String) -> Void

    public init(settings: ShopSettings, say: @escaping @Sendable (String) -> Void) throws {
        guard let verifier = WebhookVerifier(secret: settings.webhookSecret) else {
            throw ShopSettings.Wrong(description: "KUBEWA_WEBHOOK_SECRET must be a signing secret, whsec_….")
        }
        self.settings = settings
        self.say = say
        desk = ShopDesk(
            kubewa: KubewaClient(root: settings.kubewa, secretKey: settings.secretKey), verifier: verifier, say: say)
    }

    /// Serves until the process ends.
    public func run() async throws {
        var logger = Logger(label: "shop")
        logger.logLevel = .error
        let say = say
        let root = "http://127.0.0.1:\(settings.port)"
        let app = Application(
            router: router(), configuration: .init(address: .hostname("127.0.0.1", port: settings.port)),
            onServerRunning: { _ in say("The shop is open at \(root)/ and takes webhooks at \(root)/hook") },
            logger: logger)
        let desk = desk
        try await withThrowingTaskGroup { group in
            group.addTask { try await app.runService(gracefulShutdownSignals: []) }
            group.addTask {
                while true {
                    try await Task.sleep(for: .seconds(Self.pingSeconds))
                    await desk.ping()
                }
            }
            try await group.next()
            group.cancelAll()
        }
    }

    private func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.middlewares.add(OwnPagesOnly(kubewa: settings.kubewa))
        let page = ShopPage.html(settings)
        router.get("/") { _, _ in Self.file(page, "text/html; charset=utf-8") }
        router.get("/shop.css") { _, _ in Self.file(ShopPage.css, "text/css; charset=utf-8") }
        router.get("/shop.js") { _, _ in Self.file(ShopPage.script, "text/javascript; charset=utf-8") }
        addWebhooks(router)
        addButtons(router)
        return router
    }

    private func addWebhooks(_ router: Router<BasicRequestContext>) {
        let desk = desk
        router.post("/hook") { request, _ -> HTTPResponse.Status in
            let body = Array(try await request.body.collect(upTo: Self.requestBytesMax).readableBytesView)
            let headers = request.headers
            let receipt = await desk.receive(body, now: Date()) { name in
                HTTPField.Name(name).flatMap { headers[$0] }
            }
            return .init(code: receipt.rawValue)
        }
        router.get("/events") { _, _ -> Response in
            let stream = await desk.watch()
            return Response(
                status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
                body: .init { writer in
                    // Whoever opens the page sees the accounts of now; what goes wrong is shown in the page.
                    async let loading: Void? = try? desk.load()
                    for await message in stream { try await writer.write(ByteBuffer(string: message)) }
                    _ = await loading
                    try await writer.finish(nil)
                })
        }
    }

    private func addButtons(_ router: Router<BasicRequestContext>) {
        struct NewOrder: Decodable {
            var account: String
            var amountMinor: Int64
        }
        struct Sending: Decodable {
            var order: String
            var amountMinor: Int64
            var channel: String
        }
        let desk = desk
        router.post("/reload") { _, _ in await Self.answer { () async throws(ShopProblem) in try await desk.load() } }
        router.get("/orders/:id") { _, context in
            guard let id = context.parameters.get("id"), let order = await desk.order(id) else {
                return Self.json(["error": ShopProblem.invalid("This order is not known.")], .notFound)
            }
            return Self.json(order, .ok)
        }
        router.post("/orders") { request, _ in
            await Self.answer(request) { (order: NewOrder) async throws(ShopProblem) in
                try await desk.place(account: order.account, amountMinor: order.amountMinor)
            }
        }
        router.post("/bank/send") { request, _ in
            await Self.answer(request) { (sending: Sending) async throws(ShopProblem) in
                try await desk.send(order: sending.order, amountMinor: sending.amountMinor, channel: sending.channel)
                return ["order": sending.order]
            }
        }
    }

    private static func answer<Input: Decodable, Output: Encodable>(
        _ request: Request, _ action: (Input) async throws(ShopProblem) -> Output
    ) async -> Response {
        do {
            guard request.headers[.contentType]?.hasPrefix("application/json") == true else {
                throw ShopProblem.invalid("Send JSON.")
            }
            let bytes = try await request.body.collect(upTo: 16 << 10)
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            let input = try decoder.decode(Input.self, from: Data(bytes.readableBytesView))
            return json(try await action(input), .ok)
        } catch let problem as ShopProblem {
            return json(["error": problem], .init(code: problem.status))
        } catch {
            return json(["error": ShopProblem.invalid("The request is not what this page sends.")], .badRequest)
        }
    }

    private static func answer(_ action: () async throws(ShopProblem) -> Void) async -> Response {
        do {
            try await action()
            return json(["status": "ok"], .ok)
        } catch {
            return json(["error": error], .init(code: error.status))
        }
    }

    private static func json(_ value: some Encodable, _ status: HTTPResponse.Status) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(string: ShopView.text(value))))
    }

    private static func file(_ text: String, _ type: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: type, .cacheControl: "no-cache"],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}

/// Other sites' pages, and names that were bent to point here, get nothing; the own page gets a strict policy.
struct OwnPagesOnly: RouterMiddleware {
    typealias Context = BasicRequestContext

    private static let policy = HTTPField.Name("content-security-policy")
    private static let noSniff = HTTPField.Name("x-content-type-options")
    private static let referrer = HTTPField.Name("referrer-policy")
    private static let origin = HTTPField.Name("origin")

    let kubewa: String

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let authority = request.head.authority ?? ""
        let host = authority.split(separator: ":").first.map(String.init) ?? ""
        // Webhooks are proved by their signature, wherever they were sent to.
        guard request.uri.path == "/hook" || ["127.0.0.1", "localhost"].contains(host) else {
            return Response(status: .init(code: 421))
        }
        if let name = Self.origin, let origin = request.headers[name], origin != "http://\(authority)" {
            return Response(status: .forbidden)
        }
        var response = try await next(request, context)
        let policy = """
            default-src 'none'; script-src 'self' \(kubewa); connect-src 'self' \(kubewa); frame-src \(kubewa); \
            style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
            """
        for (name, value) in [
            (Self.policy, policy), (Self.noSniff, "nosniff"), (Self.referrer, "strict-origin"),
        ] { if let name { response.headers[name] = value } }
        return response
    }
}
