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

/// A page of twenty transactions on Okra's wire, beside a static reply of the same bytes by the same server.
enum Pages {
    static let transactions = 20_000
    static let seconds = 5
    static let rounds = 3

    static func run(locations: [(name: String, location: DatabaseLocation)]) async throws {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/wrk") else {
            print("pages: left out, wrk is not installed (apt-get install wrk)")
            return
        }
        print(
            "pages of 20 transactions (POST transactions/getByCustomer), wrk with 32 connections, "
                + "\(seconds) s, median of \(rounds)"
        )
        var port = 7790
        for (name, location) in locations {
            let core = try await Bench.core(location)
            let runtime = core.runtime
            let book = SandboxStore(database: core.database, runtime: runtime)
            let client = BankHTTPClient(group: MultiThreadedEventLoopGroup.singleton)
            let services = Services(
                core: core, bank: SandboxBank(book: book, runtime: runtime), book: book, transport: client)
            let tenant = try await services.tenants.create(name: "Bench")
            guard let sandbox = tenant.environments.first(where: { $0.environment.kind == .sandbox }) else { return }
            let scope = try await services.keys.authenticate(bearer: sandbox.keys.secretKey, route: nil).scope
            let customer = try await fill(core, scope)
            try await measure(name, services, sandbox.keys.secretKey, customer: customer, port: port)
            port += 2
            await client.shutdown()
            await core.database.close()
        }
    }

    private static func measure(
        _ name: String, _ services: Services, _ key: String, customer: String, port first: Int
    ) async throws {
        let body = "{\"customer\":\"\(customer)\",\"limit\":20}"
        let web = WebApp(services: services, settings: WebSettings(logsRequests: false))
        let logger = services.core.logger
        let second = first + 1
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await web.background.run() }
            group.addTask {
                try await Application(
                    responder: web, configuration: .init(address: .hostname("127.0.0.1", port: first)),
                    logger: logger
                ).run()
            }
            let page = try await fetch(first, key, body)
            group.addTask {
                let bytes = ByteBuffer(bytes: page)
                let responder = CallbackResponder<BasicRequestContext> { request, _ in
                    _ = try await request.body.collect(upTo: 1 << 20)
                    return Response(
                        status: .ok, headers: [.contentType: "application/json"], body: .init(byteBuffer: bytes))
                }
                try await Application(
                    responder: responder, configuration: .init(address: .hostname("127.0.0.1", port: second)),
                    logger: logger
                ).run()
            }
            _ = try await fetch(second, key, body)
            var pages: [Double] = []
            var statics: [Double] = []
            for _ in 0..<rounds {
                statics.append(try wrk(second, key, body))
                pages.append(try wrk(first, key, body))
            }
            let (page20, fixed) = (median(pages), median(statics))
            print(
                "  \(name): \(rounded(page20))/s, static \(rounded(fixed))/s of \(page.count) bytes"
                    + "   ratio \(ratio(page20 / fixed))"
            )
            group.cancelAll()
        }
    }

    /// One customer, one account, its transactions over 600 days, written by the product's own stores.
    private static func fill(_ core: Core, _ scope: Scope) async throws -> String {
        let now = core.runtime.now()
        let customer = Customer(id: core.runtime.newID(), name: "ADA OBI")
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
        try await core.database.write { tx in
            try CustomerStore.create(customer, bvnIndex: nil, at: now, scope, tx)
            try ConnectionStore.create(connection, scope, tx)
            try AccountStore.create(account, at: now, scope, tx)
        }
        for start in stride(from: 0, to: transactions, by: 2000) {
            let rows = (start..<start + 2000).map { row(UInt64($0), now) }
            let window = DayWindow(from: now.day().adding(days: -700), to: now.day())
            let added = Reconciler.reconcile(stored: [], fetched: rows, window: window)
            try await core.database.write { tx in
                try TransactionStore.apply(added, to: account, newID: { core.runtime.newID() }, at: now, scope, tx)
            }
        }
        return customer.id.hex
    }

    private static func row(_ number: UInt64, _ now: Instant) -> FetchedTransaction {
        FetchedTransaction(
            upstreamID: "T\(number)", status: .booked,
            amount: Money(minor: Int64(number % 90_000) - 45_000, currency: .ngn),
            bookedOn: now.day().adding(days: -Int(number % 600)), occurredAt: now,
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

    private static func wrk(_ port: Int, _ key: String, _ body: String) throws -> Double {
        let script = FileManager.default.temporaryDirectory.appendingPathComponent("kubewa-wrk-\(port).lua")
        try """
        wrk.method = "POST"
        wrk.body = [[\(body)]]
        wrk.headers["Authorization"] = "Bearer \(key)"
        wrk.headers["Content-Type"] = "application/json"
        """.write(to: script, atomically: true, encoding: .utf8)
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/wrk")
        process.arguments = [
            "-t1", "-c32", "-d\(seconds)s", "-s", script.path,
            "http://127.0.0.1:\(port)/v2/sandbox/transactions/getByCustomer",
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
