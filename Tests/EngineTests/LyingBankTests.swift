import Connectors
import Domain
import Engine
import Storage
import TestKit
import Testing

/// Banks that lie, on a real socket: each lie is told on the run, harms nothing that was kept, and no other connection.
@Suite(.timeLimit(.minutes(30)))
struct LyingBankTests {
    private struct Lie: Sendable {
        let name: String
        let outcome: String
        let detail: String?
        var path = "/transactions"
        let reply: @Sendable (HTTPRequestData) -> SinkReply
    }

    // MARK: lies

    private static func json(_ body: String) -> SinkReply {
        .status(200, headers: [("Content-Type", "application/json")], body: body)
    }

    private static func query(_ name: String, _ request: HTTPRequestData) -> String? {
        request.url.split(separator: "?").last?.split(separator: "&").first { $0.hasPrefix(name + "=") }
            .map { String($0.dropFirst(name.count + 1)) }
    }

    private static func row(
        _ id: String, on day: String, amount: String = "-10.00", currency: String = "NGN"
    ) -> String {
        """
        {"id":"\(id)","status":"booked","amount":"\(amount)","currency":"\(currency)","booked_on":"\(day)",\
        "occurred_at":null,"narration":"LIE \(id)","counterparty":null,"reference":null,"channel":null,"branch":null,\
        "code":null,"running_balance":null}
        """
    }

    private static func page(_ rows: [String], next: String? = nil) -> SinkReply {
        json(
            "{\"transactions\":[\(rows.joined(separator: ","))],"
                + "\"next_cursor\":\(next.map { "\"\($0)\"" } ?? "null")}")
    }

    private static func balance(_ amount: String, currency: String) -> SinkReply {
        let asOf = "2024-01-15T09:00:00.000Z"
        return json(
            """
            {"currency":"\(currency)","ledger":"\(amount)","available":"\(amount)","as_of":"\(asOf)"}
            """)
    }

    private static let broken: [Lie] = [
        Lie(name: "empty body", outcome: "protocol_violation", detail: "empty_body") { _ in json("") },
        Lie(name: "HTML", outcome: "protocol_violation", detail: "html_body") { _ in
            json("<html><body>Welcome</body></html>")
        },
        Lie(name: "HTML of a proxy", outcome: "provider_unavailable", detail: "html_body") { _ in
            .status(502, body: "<html><body>Bad Gateway</body></html>")
        },
        Lie(name: "slow drip", outcome: "provider_unavailable", detail: "timed_out") { _ in
            SinkReply([.send(SinkReply.head(200, [("Content-Length", "99999")])), .forever([32], everyMs: 50)])
        },
        Lie(name: "no answer", outcome: "provider_unavailable", detail: "timed_out") { _ in .silence },
        Lie(name: "less than the length said", outcome: "provider_unavailable", detail: "broken_off") { _ in
            SinkReply([
                .send(SinkReply.head(200, [("Content-Length", "5000")]) + Array("{\"transactions\":[]}".utf8)), .close,
            ])
        },
        Lie(name: "more than the length said", outcome: "protocol_violation", detail: "unreadable_body") { _ in
            SinkReply([
                .send(SinkReply.head(200, [("Content-Length", "10")]) + Array("{\"transactions\":[]}".utf8)), .close,
            ])
        },
        Lie(name: "a reset", outcome: "provider_unavailable", detail: "broken_off") { _ in SinkReply([.reset]) },
    ]

    private static let wrong: [Lie] = [
        Lie(name: "five decimals", outcome: "protocol_violation", detail: "amount_too_fine") {
            page([row("a", on: query("to", $0) ?? "", amount: "-10.00123")])
        },
        Lie(name: "no amount", outcome: "protocol_violation", detail: "amount_unreadable") {
            page([row("a", on: query("to", $0) ?? "", amount: "ten")])
        },
        Lie(name: "an amount beyond all", outcome: "protocol_violation", detail: "amount_too_large") {
            page([row("a", on: query("to", $0) ?? "", amount: "99999999999999999999.00")])
        },
        Lie(name: "the least that 64 bits hold", outcome: "protocol_violation", detail: "amount_too_large") {
            page([row("a", on: query("to", $0) ?? "", amount: "-92233720368547758.08")])
        },
        Lie(name: "a kobo more than is taken", outcome: "protocol_violation", detail: "amount_too_large") {
            page([row("a", on: query("to", $0) ?? "", amount: "10000000000000.01")])
        },
        Lie(
            name: "a balance that no account holds", outcome: "protocol_violation", detail: "amount_too_large",
            path: "/balance"
        ) { _ in
            balance("-92233720368547758.08", currency: "NGN")
        },
        Lie(name: "another currency", outcome: "protocol_violation", detail: "currency_changed") {
            page([row("a", on: query("to", $0) ?? "", currency: "USD")])
        },
        Lie(name: "endless pages", outcome: "protocol_violation", detail: "pages_endless") { request in
            let number = (query("cursor", request).flatMap { Int($0.dropFirst()) } ?? 0) + 1
            return page([row("r\(number)", on: query("to", request) ?? "")], next: "c\(number)")
        },
        Lie(name: "endless empty pages", outcome: "protocol_violation", detail: "pages_endless") { request in
            page([], next: "c\((query("cursor", request).flatMap { Int($0.dropFirst()) } ?? 0) + 1)")
        },
        Lie(name: "one page for ever", outcome: "protocol_violation", detail: "page_repeated") { request in
            let number = (query("cursor", request).flatMap { Int($0.dropFirst()) } ?? 0) + 1
            return page([row("same", on: query("to", request) ?? "")], next: "c\(number)")
        },
        Lie(name: "100,000 rows in a page", outcome: "protocol_violation", detail: "body_too_large") { request in
            let rows = Array((row("r", on: query("to", request) ?? "") + ",").utf8)
            let length = ("Content-Length", String(rows.count * 100_000))
            return SinkReply([
                .send(SinkReply.head(200, [length]) + Array("{\"transactions\":[".utf8)),
                .forever(Array(repeatElement(rows, count: 100).joined()), everyMs: 1),
            ])
        },
        Lie(
            name: "a balance in another currency", outcome: "protocol_violation", detail: "currency_changed",
            path: "/balance"
        ) { _ in
            balance("5.00", currency: "USD")
        },
        Lie(
            name: "a balance of five decimals", outcome: "protocol_violation", detail: "amount_too_fine",
            path: "/balance"
        ) { _ in
            balance("5.00001", currency: "NGN")
        },
    ]

    // MARK: world

    private struct Scene {
        let world: World
        let bank: LyingBank
        let victim: ID<Connection>
        let other: ID<Connection>
        /// The bank's ids of the victim's accounts.
        let accounts: [String]
    }

    private func scene(_ database: Database, _ bank: LyingBank) async throws -> Scene {
        let world = try await World.make(on: database, wrap: bank.over)
        try await world.listen()
        let first = try await world.link { $0.historyMonths = 1 }
        let second = try await world.link("accounts") { $0.historyMonths = 1 }
        try await world.settle()
        let victim = try #require(first.connectionID.flatMap { ID<Connection>($0) })
        let accounts = try await database.read { try AccountStore.list(victim, world.scope, $0).map(\.upstreamID) }
        world.webhooks.forget()
        return Scene(
            world: world, bank: bank, victim: victim,
            other: try #require(second.connectionID.flatMap { ID<Connection>($0) }), accounts: accounts)
    }

    private func lie(_ lie: Lie, _ scene: Scene) {
        let accounts = scene.accounts
        scene.bank.tell { request in
            let path = request.url.split(separator: "?").first ?? ""
            guard path.hasSuffix(lie.path), accounts.contains(where: { path.contains("/\($0)/") }) else { return nil }
            return lie.reply(request)
        }
    }

    private func ask(_ connection: ID<Connection>, _ scene: Scene) async throws -> Int64 {
        try await scene.world.services.refreshes.request(
            scope: scene.world.scope, accountID: nil, connectionID: connection.hex,
            products: [.balance, .transactions], cause: .demand
        ).refreshID
    }

    private func find(_ id: Int64, _ scene: Scene) async throws -> RefreshTicket {
        try await scene.world.services.refreshes.find(scope: scene.world.scope, id: id)
    }

    private func rows(_ scene: Scene) async throws -> [String] {
        try await scene.world.core.database.read { db in
            try db.query(
                """
                SELECT id, amount_minor, booked_on, status FROM account_transaction WHERE connection_id = $1 ORDER BY id
                """,
                [.id(scene.victim)]
            ) { "\($0.text(0)) \($0.int(1)) \($0.text(2)) \($0.text(3))" }
        }
    }

    @Test("a lie is a typed outcome of the run, what was kept stays, and no other connection notices")
    func lies() async throws {
        try await onEveryDatabase { database in
            let bank = try await LyingBank.start()
            let scene = try await scene(database, bank)
            for told in Self.broken + Self.wrong { try await check(told, scene) }
            await bank.stop()
        }
    }

    private func check(_ told: Lie, _ scene: Scene) async throws {
        let before = try await rows(scene)
        let toldBefore = scene.bank.told
        lie(told, scene)
        let (refresh, honest) = (try await ask(scene.victim, scene), try await ask(scene.other, scene))
        try await scene.world.settle()
        let broken = try await find(refresh, scene)
        #expect(broken.steps.last?.outcome == told.outcome, "\(told.name)")
        #expect(broken.steps.last?.detail == told.detail, "\(told.name)")
        #expect(broken.state == "running", "\(told.name)")
        #expect(broken.waiting?.reason == "retry", "\(told.name)")
        #expect(scene.bank.told > toldBefore, "\(told.name)")
        #expect(try await rows(scene) == before, "\(told.name)")
        #expect(try await find(honest, scene).state == "done", "\(told.name)")
        // The truth again: the run goes on and ends well.
        scene.bank.tell(nil)
        scene.world.runtime.advance(milliseconds: 20 * 60_000)
        try await scene.world.settle()
        let mended = try await find(refresh, scene)
        #expect(mended.state == "done", "\(told.name)")
        #expect(mended.waiting == nil, "\(told.name)")
        #expect(Set(before).isSubset(of: Set(try await rows(scene))), "\(told.name)")
    }

    @Test("whatever amounts a bank tells in whatever order, nothing traps and no other connection notices")
    func anyAmounts() async throws {
        let amounts = [
            "-92233720368547758.08", "92233720368547758.07", "-10000000000000.01", "10000000000000.00",
            "-10000000000000.00", "9999999999999.99", "0.00", "-0.01", "1.00",
        ]
        try await onEveryDatabase { database in
            let bank = try await LyingBank.start()
            let scene = try await scene(database, bank)
            for round in 0..<12 {
                // Each round has other amounts in another order, and few enough that some rounds are honest ones.
                let told = (0...(round % 4)).map { amounts[(round * 7 + $0 * 5) % amounts.count] }
                lie(
                    Lie(name: "amounts", outcome: "", detail: nil) { request in
                        Self.page(
                            told.enumerated().map {
                                Self.row("n\($0.offset)", on: Self.query("to", request) ?? "", amount: $0.element)
                            })
                    }, scene)
                let (refresh, honest) = (try await ask(scene.victim, scene), try await ask(scene.other, scene))
                try await scene.world.settle()
                let isTaken = told.allSatisfy { (try? Money(parsing: $0, currency: .ngn).isTakeable) == true }
                #expect(try await find(refresh, scene).state == (isTaken ? "done" : "running"), "\(told)")
                #expect(try await find(honest, scene).state == "done", "\(told)")
                bank.tell(nil)
                scene.world.runtime.advance(milliseconds: 20 * 60_000)
                try await scene.world.settle()
                #expect(try await find(refresh, scene).state == "done", "\(told)")
            }
            await bank.stop()
        }
    }

    @Test("what is dropped of a window is told with its reason, and the rest is kept")
    func dropped() async throws {
        try await onEveryDatabase { database in
            let bank = try await LyingBank.start()
            let scene = try await scene(database, bank)
            let account = scene.accounts[0]
            bank.tell { request in
                guard request.url.contains("/\(account)/transactions"), let to = Self.query("to", request),
                    let day = LocalDate(to), let from = Self.query("from", request)
                else { return nil }
                if Self.query("cursor", request) == nil {
                    return Self.page(
                        [
                            Self.row("f1", on: day.adding(days: 3).iso), Self.row("older", on: from),
                            Self.row("new", on: to),
                        ], next: "c1")
                }
                return Self.page(
                    [Self.row("new", on: to), Self.row("old", on: (LocalDate(from) ?? day).adding(days: -90).iso)])
            }
            let refresh = try await ask(scene.victim, scene)
            try await scene.world.settle()
            let found = try await find(refresh, scene)
            #expect(found.state == "done")
            let step = try #require(found.steps.first { !$0.dropped.isEmpty })
            #expect(step.outcome == "ok")
            #expect(step.dropped == [.rowInFuture: 1, .rowRepeated: 1, .rowOutsideWindow: 1])
            #expect(step.notes == [.rowsOutOfOrder])
            #expect(step.calls == 2)
            #expect(step.added == 2)
            let kept = try await rows(scene)
            #expect(kept.filter { $0.contains(" -1000 ") }.count == 2)
            await bank.stop()
        }
    }

    @Test("one account that the bank does not know keeps the others from nothing, and whoever asked is told")
    func oneAccount() async throws {
        try await onEveryDatabase { database in
            let bank = try await LyingBank.start()
            let scene = try await scene(database, bank)
            let account = scene.accounts[0]
            bank.tell { request in
                guard request.url.contains("/\(account)/") else { return nil }
                return .status(404, body: "{\"error\":{\"code\":\"account_not_found\",\"message\":\"x\"}}")
            }
            let refresh = try await ask(scene.victim, scene)
            try await scene.world.settle()
            let found = try await find(refresh, scene)
            #expect(found.state == "done")
            #expect(found.missed.map(\.code) == ["account_not_found", "account_not_found"])
            #expect(found.steps.filter { $0.outcome == "account_not_found" }.count == 2)
            #expect(
                found.steps.contains { $0.operation == "balance" && $0.outcome == "ok" } == (scene.accounts.count > 1))
            #expect(try scene.world.webhooks.bodies("balance.failed").count == 1)
            #expect(try scene.world.webhooks.bodies("transaction.failed").count == 1)
            await bank.stop()
        }
    }

    @Test("a list that names an account twice says so on the run and adds none")
    func duplicates() async throws {
        try await onEveryDatabase { database in
            let bank = try await LyingBank.start()
            let scene = try await scene(database, bank)
            let accounts = scene.accounts
            scene.world.runtime.advance(milliseconds: 2 * Instant.dayMs)
            bank.tell { request in
                guard request.method == "GET", request.url.hasSuffix("/accounts") else { return nil }
                let rows = (accounts + [accounts[0]]).map {
                    "{\"id\":\"\($0)\",\"number\":\"0123456789\",\"name\":\"A\",\"holder\":null,\"type\":\"current\","
                        + "\"currency\":\"NGN\",\"active\":true}"
                }
                return Self.json("{\"accounts\":[\(rows.joined(separator: ","))]}")
            }
            let refresh = try await ask(scene.victim, scene)
            try await scene.world.settle()
            let step = try #require(try await find(refresh, scene).steps.first { $0.operation == "accounts" })
            #expect(step.dropped == [.duplicateAccount: 1])
            #expect(step.notes == (accounts.count > 1 ? [.duplicateNumber] : []))
            let kept = try await database.read { try AccountStore.list(scene.victim, scene.world.scope, $0) }
            #expect(kept.count == accounts.count)
            await bank.stop()
        }
    }
}
