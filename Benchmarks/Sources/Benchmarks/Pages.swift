import Connectors
import Domain
import Engine
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import Outbound
import Storage
import Web

/// Pages of twenty transactions on Okra's wire, of many customers, beside a static reply of the same size by the same
/// server. Pages are measured as the database gives them and as they are kept.
enum Pages {
    static let customers = 200
    static let pagesEach = 5
    static let transactionsEach = 200
    static let days = 100
    static let seconds = 4
    static let rounds = 3

    private struct Asked {
        let name: String
        let port: Int
        let pages: Int
        var rates: [Double] = []
    }

    static func run(locations: [(name: String, location: DatabaseLocation)]) async throws {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/wrk") else {
            print("pages: left out, wrk is not installed (apt-get install wrk)")
            return
        }
        print(
            "pages of 20 transactions (POST transactions/getByCustomer) of \(customers) customers, wrk with 32 "
                + "connections, \(seconds) s, median of \(rounds)"
        )
        var port = 7790
        for (name, location) in locations {
            let core = try await Bench.core(location)
            let tenant = try await TenantService(core: core, keys: KeyService(core: core)).create(name: "Bench")
            guard let sandbox = tenant.environments.first(where: { $0.environment.kind == .sandbox }) else { return }
            let key = sandbox.keys.secretKey
            let scope = try await KeyService(core: core).authenticate(bearer: key, route: nil).scope
            var ids: [String] = []
            for number in 0..<customers { ids.append(try await fill(core, scope, number)) }
            try await measure(name, core, key, customers: ids, port: port)
            port += 3
            await core.database.close()
        }
    }

    private static func measure(
        _ name: String, _ core: Core, _ key: String, customers: [String], port: Int
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (core, port) in [(Bench.withoutPages(core), port + 1), (core, port + 2)] {
                let web = WebApp(services: services(core), settings: WebSettings(logsRequests: false))
                group.addTask { try await web.background.run() }
                group.addTask { try await serve(web, port, core.logger) }
            }
            let page = try await fetch(port + 1, key, body(customers[0], 1))
            let bytes = ByteBuffer(bytes: page)
            group.addTask {
                let fixed = CallbackResponder<BasicRequestContext> { request, _ in
                    _ = try await request.body.collect(upTo: 1 << 20)
                    return Response(
                        status: .ok, headers: [.contentType: "application/json"], body: .init(byteBuffer: bytes))
                }
                try await serve(fixed, port, core.logger)
            }
            _ = try await fetch(port, key, body(customers[0], 1))
            _ = try await fetch(port + 2, key, body(customers[0], 1))
            var asked = [
                Asked(name: "static reply of \(page.count) bytes", port: port, pages: pagesEach),
                Asked(name: "first pages, none kept", port: port + 1, pages: 1),
                Asked(name: "pages 1 to \(pagesEach), none kept", port: port + 1, pages: pagesEach),
                Asked(name: "pages 1 to \(pagesEach), all kept", port: port + 2, pages: pagesEach),
            ]
            // The pages that are kept are read once before.
            _ = try wrk(asked[3], key, customers)
            for _ in 0..<rounds {
                for index in asked.indices { asked[index].rates.append(try wrk(asked[index], key, customers)) }
            }
            show(name, asked)
            group.cancelAll()
        }
    }

    private static func show(_ name: String, _ asked: [Asked]) {
        print("  \(name)")
        let base = median(asked[0].rates)
        for one in asked {
            let all = one.rates.map(rounded).joined(separator: ", ")
            print(
                "    \(one.name.padding(toLength: 28, withPad: " ", startingAt: 0)) \(rounded(median(one.rates)))/s"
                    + "   ratio \(ratio(median(one.rates) / base))   (\(all))")
        }
    }

    private static func services(_ core: Core) -> Services {
        let book = SandboxStore(database: core.database, runtime: core.runtime)
        return Services(
            core: core, bank: SandboxBank(book: book, runtime: core.runtime), book: book,
            transport: BankHTTPClient(group: MultiThreadedEventLoopGroup.singleton))
    }

    private static func serve<Responder: HTTPResponder>(
        _ responder: Responder, _ port: Int, _ logger: Logger
    ) async throws where Responder.Context: InitializableFromSource<ApplicationRequestContextSource> {
        try await Application(
            responder: responder, configuration: .init(address: .hostname("127.0.0.1", port: port)), logger: logger
        ).run()
    }

    private static func body(_ customer: String, _ page: Int) -> String {
        "{\"customer\":\"\(customer)\",\"page\":\(page),\"limit\":20}"
    }

    /// A customer, its account, its transactions, written by the product's own stores.
    private static func fill(_ core: Core, _ scope: Scope, _ number: Int) async throws -> String {
        let now = core.runtime.now()
        let customer = Customer(id: core.runtime.newID(), name: "ADA OBI \(number)")
        let connection = Connection(
            id: core.runtime.newID(), authID: core.runtime.newID(), customerID: customer.id,
            appID: core.runtime.newID(),
            institution: "access-bank", connector: "sandbox", upstreamUser: nil, status: .active, products: .all,
            loginType: "ind", historyMonths: 24, callbackURL: nil, refreshWebhookURL: nil, options: "{}", meta: "{}",
            consentExpiresAt: nil, createdAt: now)
        let account = Account(
            id: core.runtime.newID(), balanceID: core.runtime.newID(), connectionID: connection.id,
            customerID: customer.id, institution: "access-bank", upstreamID: "1", numberSealed: nil, numberIndex: nil,
            mask: "6789", name: "Savings", type: "savings", currency: .ngn)
        let rows = (0..<transactionsEach).map { row(UInt64($0), now) }
        let window = DayWindow(from: now.day().adding(days: -days), to: now.day())
        let added = Reconciler.reconcile(stored: [], fetched: rows, window: window)
        try await core.database.write { tx in
            try CustomerStore.create(customer, bvnIndex: nil, at: now, scope, tx)
            try ConnectionStore.create(connection, scope, tx)
            try AccountStore.create(account, at: now, scope, tx)
            try TransactionStore.apply(added, to: account, newID: { core.runtime.newID() }, at: now, scope, tx)
        }
        return customer.id.hex
    }

    private static func row(_ number: UInt64, _ now: Instant) -> FetchedTransaction {
        FetchedTransaction(
            upstreamID: "T\(number)", status: .booked,
            amount: Money(minor: Int64(number % 90_000) - 45_000, currency: .ngn),
            bookedOn: now.day().adding(days: -Int(number) % days), occurredAt: now,
            text: "NIP/GTB/NWACHUKWU MUSA/part payment \(number)", counterparty: "NWACHUKWU MUSA",
            reference: "000014261120144933859139\(number)", channel: "nip", code: "NIP",
            runningBalance: Money(minor: 1_000_000, currency: .ngn))
    }

    private static func fetch(_ port: Int, _ key: String, _ body: String) async throws -> [UInt8] {
        let client = BankHTTPClient(group: MultiThreadedEventLoopGroup.singleton)
        defer { Task { await client.shutdown() } }
        for _ in 0..<200 {
            do {
                let reply = try await client.send(
                    HTTPRequestData(
                        method: "POST", url: "http://127.0.0.1:\(port)/v2/sandbox/transactions/getByCustomer",
                        headers: [("authorization", "Bearer \(key)"), ("content-type", "application/json")],
                        body: Array(body.utf8)))
                guard reply.status == 200 else { throw HTTPTransportError.brokenOff }
                return reply.body
            } catch HTTPTransportError.cannotConnect {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
        throw HTTPTransportError.cannotConnect
    }

    /// Every request is made before the run, so that the generator does the same for a page as for the static reply.
    private static func wrk(_ asked: Asked, _ key: String, _ customers: [String]) throws -> Double {
        let script = FileManager.default.temporaryDirectory.appendingPathComponent("kubewa-wrk-\(asked.port).lua")
        let list = customers.map { "\"\($0)\"" }.joined(separator: ",")
        try """
        local customers = {\(list)}
        local requests = {}
        init = function(args)
          local headers = {["Authorization"] = "Bearer \(key)", ["Content-Type"] = "application/json"}
          for _, customer in ipairs(customers) do
            for page = 1, \(asked.pages) do
              local body = string.format('{"customer":"%s","page":%d,"limit":20}', customer, page)
              requests[#requests + 1] = wrk.format("POST", nil, headers, body)
            end
          end
          math.randomseed(7)
        end
        request = function() return requests[math.random(#requests)] end
        """.write(to: script, atomically: true, encoding: .utf8)
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/wrk")
        process.arguments = [
            "-t1", "-c32", "-d\(seconds)s", "-s", script.path,
            "http://127.0.0.1:\(asked.port)/v2/sandbox/transactions/getByCustomer",
        ]
        process.standardOutput = pipe
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        if text.contains("Non-2xx") { print(text) }
        let line = text.split(separator: "\n").first { $0.hasPrefix("Requests/sec:") }
        return line.flatMap { Double($0.split(separator: " ").last ?? "") } ?? 0
    }
}
