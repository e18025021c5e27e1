import Connectors
import Domain
import Engine
import FoundationEssentials
import Storage
import Synchronization
import TestKit
import Testing

/// Transactions that a bank leaves out, and what becomes of the gap.
@Suite struct CompletenessReviewTests {
    /// Leaves transactions out of the bank's pages, and running balances where it is told to.
    private final class Censor: Sendable {
        struct Rule { var hidden: Set<String> = []; var hidesRunning = false }
        private let rule = Mutex(Rule())
        let calls = Mutex(0)

        func set(_ body: (inout Rule) -> Void) { rule.withLock { body(&$0) } }

        func wrap(_ inner: any HTTPTransport) -> any HTTPTransport { Transport(censor: self, inner: inner) }

        private struct Transport: HTTPTransport {
            let censor: Censor
            let inner: any HTTPTransport

            func send(_ request: HTTPRequestData) async throws(HTTPTransportError) -> HTTPReplyData {
                var reply = try await inner.send(request)
                guard request.url.contains("/transactions"), reply.status == 200 else { return reply }
                let rule = censor.rule.withLock { $0 }
                censor.calls.withLock { $0 += 1 }
                guard let value = try? JSONValue(parsing: reply.body), case .object(var members) = value,
                    let rows = members["transactions"]?.elements
                else { return reply }
                let kept = rows.filter { row in
                    !rule.hidden.contains { row["narration"]?.text?.contains($0) ?? false }
                }
                members["transactions"] = .array(
                    kept.map { row in
                        guard rule.hidesRunning, case .object(var members) = row else { return row }
                        members["running_balance"] = .null
                        return .object(members)
                    })
                reply.body = Array(JSONValue.object(members).encoded.utf8)
                return reply
            }
        }
    }

    private func view(_ world: World, _ account: String) async throws -> CompletenessView {
        try await world.services.completeness.find(account: account, in: world.environment())
    }

    private func post(_ world: World, _ narration: String, _ minor: Int64) async throws {
        let order = SandboxOrder(
            institution: "access-bank", username: "success", amountMinor: minor, narration: narration)
        _ = try await world.services.sandbox.post(order, in: world.environment())
    }

    private func refresh(_ world: World, _ connection: String?) async throws {
        _ = try await world.services.refreshes.request(
            scope: world.scope, accountID: nil, connectionID: connection, products: [.balance, .transactions],
            cause: .demand)
        try await world.settle()
    }

    private func accounts(_ world: World) async throws -> [String] {
        try await world.core.database.read { db in
            try db.query("SELECT id FROM account ORDER BY id", []) { $0.text(0) }
        }
    }

    private func gapFrom(_ world: World) async throws -> String? {
        try await world.core.database.read { db in
            try db.first("SELECT gap_from_on FROM refresh_schedule", []) { $0.textOrNil(0) } ?? nil
        }
    }

    @Test("honest banks are complete, by running balances and without them", arguments: [false, true])
    func honest(_ hidesRunning: Bool) async throws {
        try await onEveryDatabase { database in
            let censor = Censor()
            censor.set { $0.hidesRunning = hidesRunning }
            let world = try await World.make(on: database, wrap: censor.wrap)
            try await world.listen()
            _ = try await world.link()
            try await world.settle()
            try await world.advance(days: 20)
            for account in try await accounts(world) {
                let found = try await view(world, account)
                #expect(found.state == "complete")
                #expect(found.basis == (hidesRunning ? "balance" : "running"))
                #expect(found.gaps.isEmpty)
                #expect(found.completeThrough != nil)
            }
            #expect(try world.webhooks.bodies("account.gap_found").isEmpty)
        }
    }

    @Test(
        "what a bank leaves out is fetched once more, told of, and told of again when it comes",
        arguments: [false, true])
    func gap(_ hidesRunning: Bool) async throws {
        try await onEveryDatabase { database in
            let censor = Censor()
            censor.set { $0.hidesRunning = hidesRunning }
            let world = try await World.make(on: database, wrap: censor.wrap)
            try await world.listen()
            let link = try await world.link()
            try await world.settle()
            try await world.advance(days: 2)
            world.webhooks.forget()
            censor.set { $0.hidden = ["LOST"] }
            try await post(world, "LOST TRANSFER", -12_345)
            try await post(world, "SEEN TRANSFER", -100)
            try await refresh(world, link.connectionID)
            let told = try world.webhooks.bodies("account.gap_found")
            #expect(told.count == 1)
            #expect(told.first?["data"]?["amount_minor"] == .integer(-12_345))
            let account = try #require(told.first?["data"]?["account"]?.text)
            let open = try await view(world, account)
            #expect(open.state == "gap")
            #expect(open.gaps.map(\.minor) == [-12_345])
            #expect(open.gaps.map(\.state) == ["open"])
            let gap = try #require(open.gaps.first)
            let through = try #require(open.completeThrough)
            #expect(through < gap.from)
            #expect(try await gapFrom(world) == gap.from.iso, "freshness tells no day beyond it")
            let runs = try await world.services.refreshes.list(
                in: world.environment(), connectionID: link.connectionID ?? "", before: nil, limit: 10)
            #expect(runs.filter { $0.causes.contains("gap") }.count == 1)
            // It is told of once, and its days are not fetched again and again.
            try await refresh(world, link.connectionID)
            try await refresh(world, link.connectionID)
            #expect(try world.webhooks.bodies("account.gap_found").count == 1)
            #expect(try world.webhooks.bodies("account.gap_closed").isEmpty)
            censor.set { $0.hidden = [] }
            try await refresh(world, link.connectionID)
            let closed = try world.webhooks.bodies("account.gap_closed")
            #expect(closed.count == 1)
            #expect(closed.first?["data"]?["account"]?.text == account)
            let mended = try await view(world, account)
            #expect(mended.state == "complete")
            #expect(mended.gaps.map(\.state) == ["closed"])
            #expect(try await gapFrom(world) == nil)
            #expect(try #require(mended.completeThrough) > through)
        }
    }

    @Test("what the second look brings is no gap, and nothing is told")
    func suspicion() async throws {
        try await onEveryDatabase { database in
            let censor = Censor()
            let world = try await World.make(on: database, wrap: censor.wrap)
            try await world.listen()
            let link = try await world.link()
            try await world.settle()
            try await world.advance(days: 2)
            world.webhooks.forget()
            censor.set { $0.hidden = ["LATE"] }
            try await post(world, "LATE TRANSFER", 5_000)
            _ = try await world.services.refreshes.request(
                scope: world.scope, accountID: nil, connectionID: link.connectionID,
                products: [.balance, .transactions], cause: .demand)
            _ = try await world.refreshes.tick()
            censor.set { $0.hidden = [] }
            try await world.settle()
            #expect(try world.webhooks.bodies("account.gap_found").isEmpty)
            #expect(try world.webhooks.bodies("account.gap_closed").isEmpty)
            for account in try await accounts(world) {
                #expect(try await view(world, account).state == "complete")
            }
            let runs = try await world.services.refreshes.list(
                in: world.environment(), connectionID: link.connectionID ?? "", before: nil, limit: 10)
            #expect(runs.contains { $0.causes == ["gap"] && $0.state == "done" })
        }
    }

    @Test("another tenant's account is unknown, and a removed one leaves nothing behind")
    func removed() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let link = try await world.link()
            try await world.settle()
            let account = try #require(try await accounts(world).first)
            await #expect(throws: DomainError.self) {
                _ = try await world.services.completeness.find(account: account, in: world.environment(.production))
            }
            try await world.services.connections.remove(
                try #require(link.connectionID), in: world.environment())
            try await Housekeeper(core: world.core).tick()
            let left = try await database.read { db in
                try ["account_check", "account_gap"].map { table in
                    try db.first("SELECT COUNT(account_id) FROM \(table)", []) { $0.int(0) } ?? 0
                }
            }
            #expect(left == [0, 0])
        }
    }
}
