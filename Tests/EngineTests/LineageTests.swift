import Connectors
import Domain
import Engine
import FoundationEssentials
import Storage
import Synchronization
import TestKit
import Testing

@Suite("Lineage of transactions")
struct LineageTests {
    /// A bank whose statement is what the test says.
    private final class Statement: Sendable {
        private let rows = Mutex<(account: String, rows: [Row])>(("", []))

        struct Row: Sendable {
            var id: String?
            var minor: Int64
            var day: LocalDate
            var text = "POS SHOPRITE LEKKI"
            var status = "booked"

            var json: String {
                let id = id.map { "\"\($0)\"" } ?? "null"
                return """
                    {"id": \(id), "status": "\(status)", "amount": "\(Money.decimal(minor: minor, scale: 2))",
                    "currency": "NGN", "booked_on": "\(day.iso)", "narration": "\(text)"}
                    """
            }
        }

        func set(_ account: String, _ rows: [Row]) { self.rows.withLock { $0 = (account, rows) } }

        func wrap(_ inner: any HTTPTransport) -> any HTTPTransport {
            FaultyTransport(inner) { request, _ in
                guard request.url.contains("/transactions?") else { return nil }
                let (account, rows) = self.rows.withLock { $0 }
                func day(_ name: String) -> LocalDate? {
                    request.url.split(separator: "\(name)=").dropFirst().first.flatMap {
                        LocalDate(String($0.prefix(10)))
                    }
                }
                let isMine = request.url.contains("/\(account)/")
                let shown = rows.filter { row in
                    isMine && (day("from").map { $0 <= row.day } ?? true) && (day("to").map { row.day <= $0 } ?? true)
                }
                let body = "{\"transactions\": [\(shown.map(\.json).joined(separator: ","))], \"next_cursor\": null}"
                return .reply(status: 200, headers: [:], body: body)
            }
        }
    }

    /// A linked person at that bank.
    private struct Bench {
        let world: World
        let statement: Statement
        let connection: String
        let account: String
        let upstream: String
        let today: LocalDate

        func fetch(_ rows: Statement.Row...) async throws {
            statement.set(upstream, rows)
            _ = try await world.services.refreshes.request(
                scope: world.scope, accountID: nil, connectionID: connection, products: [.transactions],
                cause: .demand)
            try await world.settle()
        }

        /// The ids of the transactions that are shown, by the bank's id.
        func shown() async throws -> [String: ID<FetchedTransaction>] {
            let rows = try await world.core.database.read { db in
                try db.query("SELECT upstream_id, id FROM account_transaction WHERE status <> 'removed'", []) {
                    (
                        $0.textOrNil(0) ?? "",
                        ID<FetchedTransaction>(trusted: $0.text(1))
                    )
                }
            }
            return Dictionary(uniqueKeysWithValues: rows)
        }

        func lineage(_ id: ID<FetchedTransaction>) async throws -> LineageView {
            try await world.services.lineage.find(id.hex, in: world.environment())
        }

        func totals() async throws -> Int64 {
            let sql = "SELECT count FROM day_total WHERE list = $1 AND day = ''"
            return try await world.core.database.read { db in
                try db.first(sql, [.text("account:\(account)")]) { $0.int(0) } ?? 0
            }
        }
    }

    private func bench(_ database: Database) async throws -> Bench {
        let statement = Statement()
        let world = try await World.make(on: database, wrap: statement.wrap)
        try await world.listen(payload: .complete)
        let view = try await world.link { $0.historyMonths = 1 }
        try await world.settle()
        let account = try await database.read { db in
            try db.first("SELECT id, upstream_id FROM account ORDER BY id", []) { ($0.text(0), $0.text(1)) }
        }
        let (id, upstream) = try #require(account)
        world.webhooks.forget()
        return Bench(
            world: world, statement: statement, connection: try #require(view.connectionID), account: id,
            upstream: upstream, today: world.runtime.now().day())
    }

    private func onBench(_ body: (Bench) async throws -> Void) async throws {
        try await onEveryDatabase { try await body(try await bench($0)) }
    }

    @Test("a row that only comes under its id has no lineage; one that is posted under another says why and how sure")
    func posted() async throws {
        try await onBench { bench in
            let day = bench.today.adding(days: -2)
            try await bench.fetch(
                .init(id: "p", minor: -10_000, day: day, status: "pending"), .init(id: "a", minor: 5, day: day))
            let before = try await bench.shown()
            let (hold, other) = (try #require(before["p"]), try #require(before["a"]))
            bench.world.webhooks.forget()
            try await bench.fetch(
                .init(id: "b", minor: -11_000, day: day.adding(days: 1)),
                .init(id: "a", minor: 5, day: day, text: "POS SHOPRITE LEKKI NG"))
            #expect(try await bench.shown() == ["b": hold, "a": other])
            #expect(try await bench.lineage(other).entries.isEmpty)
            let view = try await bench.lineage(hold)
            let entry = try #require(view.entries.first)
            #expect(view.entries.count == 1 && entry.kind == .matched && entry.match == Match(.postingAmount, 70))
            #expect(entry.upstreamBefore == "p" && entry.upstreamAfter == "b")
            #expect(entry.before?.status == .pending && entry.before?.amount.minor == -10_000)
            let told = try bench.world.webhooks.bodies("transaction.merged")
            #expect(told.count == 1)
            #expect(told.first?["data"]?["merged"]?.elements?.first?["transaction"]?.text == hold.hex)
        }
    }

    @Test("a wrong match is split, both rows go on alone, and no refresh matches them again")
    func splitMatch() async throws {
        try await onBench { bench in
            let day = bench.today.adding(days: -2)
            let hold = Statement.Row(id: "p", minor: -10_000, day: day, status: "pending")
            let booked = Statement.Row(id: "b", minor: -11_000, day: day.adding(days: 1))
            try await bench.fetch(hold)
            let id = try #require(try await bench.shown()["p"])
            try await bench.fetch(booked)
            bench.world.webhooks.forget()
            let ruling = try await bench.world.services.lineage.split(
                id.hex, lineage: nil, in: bench.world.environment())
            #expect(ruling.transaction == id)
            #expect(try await bench.shown() == ["p": id, "b": ruling.other])
            #expect(try await bench.totals() == 2)
            try await bench.fetch(hold, booked)
            #expect(try await bench.shown() == ["p": id, "b": ruling.other])
            // The bank posts the hold under the id that was ruled to be another.
            try await bench.fetch(booked)
            #expect(try await bench.shown() == ["b": ruling.other])
            let told = try bench.world.webhooks.bodies("transaction.split")
            #expect(
                told.count == 1 && told.first?["data"]?["split"]?.elements?.first?["other"]?.text == ruling.other.hex)
            #expect(try await bench.lineage(id).entries.map(\.kind) == [.matched, .split])
            #expect(try await bench.lineage(ruling.other).entries.map(\.kind) == [.separated])
            await #expect(throws: DomainError.self) {
                try await bench.world.services.lineage.split(id.hex, lineage: nil, in: bench.world.environment())
            }
        }
    }

    @Test("two that are one are merged for good, though the bank goes on showing both; undone, each has its id")
    func mergeAndUndo() async throws {
        try await onBench { bench in
            let (first, second) = (bench.today.adding(days: -3), bench.today.adding(days: -2))
            let rows = [
                Statement.Row(id: "a", minor: -10_000, day: first, text: "CARD 4411"),
                Statement.Row(id: "b", minor: -10_450, day: second, text: "SHOPRITE"),
            ]
            try await bench.fetch(rows[0], rows[1])
            let before = try await bench.shown()
            let (one, two) = (try #require(before["a"]), try #require(before["b"]))
            let lineage = bench.world.services.lineage
            let ruling = try await lineage.merge(one.hex, with: two.hex, in: bench.world.environment())
            #expect(ruling.transaction == one && ruling.other == two)
            let merged = try await bench.shown()
            #expect(merged.count == 1 && merged.values.first == one)
            #expect(try await bench.totals() == 1)
            #expect(try await bench.lineage(two).mergedInto == one)
            for _ in 0..<2 {
                try await bench.fetch(rows[0], rows[1])
                #expect(try await bench.shown() == merged)
            }
            // Ids that change do not divide them either.
            await #expect(throws: DomainError.self) {
                try await lineage.merge(two.hex, with: one.hex, in: bench.world.environment())
            }
            #expect(try bench.world.webhooks.bodies("transaction.merged").count == 1)
            _ = try await lineage.split(one.hex, lineage: ruling.lineage.hex, in: bench.world.environment())
            #expect(try await bench.shown() == before)
            #expect(try await bench.totals() == 2)
            try await bench.fetch(rows[0], rows[1])
            #expect(try await bench.shown() == before)
            #expect(try await bench.lineage(two).mergedInto == nil)
        }
    }

    @Test("a hold that the bank took back becomes one with what it became, under the id of the hold")
    func mergeRemoved() async throws {
        try await onBench { bench in
            let day = bench.today.adding(days: -2)
            try await bench.fetch(.init(id: "p", minor: -10_000, day: day, text: "FUEL HOLD", status: "pending"))
            let hold = try #require(try await bench.shown()["p"])
            let booked = Statement.Row(id: "b", minor: -22_000, day: day, text: "NNPC IKEJA")
            try await bench.fetch(booked)
            let other = try #require(try await bench.shown()["b"])
            #expect(other != hold)
            _ = try await bench.world.services.lineage.merge(hold.hex, with: other.hex, in: bench.world.environment())
            #expect(try await bench.shown() == ["b": hold])
            try await bench.fetch(booked)
            #expect(try await bench.shown() == ["b": hold])
            #expect(try await bench.totals() == 1)
        }
    }

    @Test("a bank that gives new ids with every answer is found out, and then costs no write")
    func newIDs() async throws {
        try await onBench { bench in
            func rows(_ fetch: Int) -> [Statement.Row] {
                (0..<12).map {
                    .init(id: "\(fetch)-\($0)", minor: Int64($0 * 100 + 50), day: bench.today.adding(days: -$0 % 5))
                }
            }
            var ids: Set<ID<FetchedTransaction>>?
            for fetch in 0..<5 {
                bench.statement.set(bench.upstream, rows(fetch))
                _ = try await bench.world.services.refreshes.request(
                    scope: bench.world.scope, accountID: nil, connectionID: bench.connection,
                    products: [.transactions], cause: .demand)
                try await bench.world.settle()
                let now = Set(try await bench.shown().values)
                #expect(now.count == 12 && (ids ?? now) == now)
                ids = now
            }
            let id = try #require(ids?.first)
            let view = try await bench.lineage(id)
            #expect(view.trust.level == .changing && view.trust.changed == 24, "\(view.trust)")
            #expect(view.entries.count == 2, "only until it was known")
            #expect(try await bench.shown().keys.allSatisfy { $0.hasPrefix("2-") })
        }
    }

    @Test("what others have is not found, what cannot be merged is refused, and a removal leaves nothing")
    func errorsAndErasure() async throws {
        try await onBench { bench in
            let day = bench.today.adding(days: -2)
            try await bench.fetch(.init(id: "p", minor: -100, day: day, status: "pending"))
            try await bench.fetch(.init(id: "b", minor: -100, day: day))
            let id = try #require(try await bench.shown()["b"])
            let lineage = bench.world.services.lineage
            let environment = bench.world.environment()
            for other in ["", "ffffffffffffffffffffffff"] {
                await #expect(throws: DomainError.notFound("transaction")) {
                    try await lineage.find(other, in: environment)
                }
                await #expect(throws: DomainError.notFound("transaction")) {
                    try await lineage.merge(id.hex, with: other, in: environment)
                }
            }
            await #expect(throws: DomainError.notFound("transaction")) {
                try await lineage.find(id.hex, in: bench.world.environment(.production))
            }
            await #expect(throws: DomainError.self) { try await lineage.merge(id.hex, with: id.hex, in: environment) }
            _ = try await lineage.split(id.hex, lineage: nil, in: environment)
            try await bench.world.services.connections.remove(bench.connection, in: environment)
            for table in ["transaction_lineage", "transaction_ruling"] {
                let left = try await bench.world.core.database.read { db in
                    try db.query("SELECT account_id FROM \(table)", []) { $0.text(0) }
                }
                #expect(left.isEmpty, "\(table)")
            }
        }
    }
}
