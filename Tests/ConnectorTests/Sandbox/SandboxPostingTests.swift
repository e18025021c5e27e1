import Connectors
import Domain
import TestKit
import Testing

struct SandboxPostingTests {
    private static let pushURL = "http://127.0.0.1:7000/upstream/sandbox"

    private func order(_ amount: Int64, username: String = "amaka") -> SandboxOrder {
        SandboxOrder(username: username, amountMinor: amount, narration: "NIP/GTB/OBI AMAKA/gift")
    }

    @Test("a posted transaction is there at once, changes the balance, and is pushed with the bank's signature")
    func posts() async throws {
        try await onEveryWorld { world in
            try await world.create("amaka")
            let linked = try await world.link("amaka", "secret-word", pushURL: Self.pushURL)
            let account = linked.accounts[0]
            let before = try await world.connector.balance(linked.grant, account: account.upstreamID, world.context())
            let posted = try await world.bank.post(order(1_234_56), environmentID: world.environmentID)
            let after = try await world.connector.balance(linked.grant, account: account.upstreamID, world.context())
            #expect(try #require(after.ledger).minor == (try #require(before.ledger).minor) + 1_234_56)
            #expect(after.ledger?.minor == posted.balanceMinor && posted.accountNumber == account.number)
            let row = try #require(try await world.recent(linked).first)
            #expect(row.upstreamID == posted.transactionID && row.amount.minor == 1_234_56)
            #expect(row.occurredAt == posted.postedAt && row.text == "NIP/GTB/OBI AMAKA/gift")
            #expect(row.runningBalance == after.ledger)

            let push = try #require(posted.pushes.first)
            #expect(posted.pushes.count == 1 && push.url == Self.pushURL)
            let events = try world.connector.handleUpstreamWebhook(
                headers: push.headers, body: push.body, settings: ConnectorSettings())
            let user = try #require(linked.upstreamUserID)
            #expect(events == [.dataReady(environmentID: world.environmentID, upstreamUserID: user)])
        }
    }

    @Test("a push that was changed, or signed by another, is refused")
    func forged() async throws {
        try await onEveryWorld { world in
            _ = try await world.link("success", pushURL: Self.pushURL)
            let posted = try await world.bank.post(order(100, username: "success"), environmentID: 7)
            let push = try #require(posted.pushes.first)
            let other = SandboxConnector(transport: world.transport, baseURL: "http://127.0.0.1:9", pushSecret: "other")
            let longer = push.body + [32]
            let attempts: [(SandboxConnector, [(name: String, value: String)], [UInt8])] = [
                (other, push.headers, push.body), (world.connector, push.headers, longer),
                (world.connector, [], push.body), (world.connector, [("x-sandbox-signature", "sha256=00")], push.body),
            ]
            for (connector, headers, body) in attempts {
                #expect(throws: ConnectorError(.accessDenied, "The push is not signed by the bank.")) {
                    try connector.handleUpstreamWebhook(
                        headers: headers, body: body, settings: ConnectorSettings())
                }
            }
        }
    }

    @Test("each place that asked is told once; ended access is not")
    func subscribers() async throws {
        try await onEveryWorld { world in
            let first = try await world.link("success", pushURL: Self.pushURL)
            _ = try await world.link("success", pushURL: Self.pushURL)
            let other = try await world.link("success", pushURL: "http://127.0.0.1:7001/other")
            _ = try await world.link("success")
            let posted = try await world.bank.post(order(100, username: "success"), environmentID: 7)
            #expect(Set(posted.pushes.map(\.url)) == [Self.pushURL, "http://127.0.0.1:7001/other"])
            #expect(posted.pushes.count == 2)
            try await world.connector.revoke(other.grant, world.context())
            #expect(try await world.bank.post(order(100, username: "success"), environmentID: 7).pushes.count == 1)
            _ = first
        }
    }

    @Test("an order names one account, by user or by number")
    func orders() async throws {
        try await onEveryWorld { world in
            try await world.create("amaka") { $0.accountCount = 2 }
            // A customer that never logged in can be posted to.
            let early = try await world.bank.post(order(500_00), environmentID: 7)
            #expect(early.pushes.isEmpty)
            let linked = try await world.link("amaka", "secret-word")
            let second = try #require(linked.accounts[1].number)
            var byNumber = order(700_00)
            byNumber.username = nil
            byNumber.accountNumber = second
            #expect(try await world.bank.post(byNumber, environmentID: 7).accountNumber == second)
            byNumber.username = "amaka"
            #expect(try await world.bank.post(byNumber, environmentID: 7).accountNumber == second)

            _ = try await world.link("success")
            _ = try await world.link("success", at: "wema-bank")
            await #expect(
                throws: DomainError.invalid("institution", "is needed: this is known at several institutions.")
            ) {
                try await world.bank.post(order(1, username: "success"), environmentID: 7)
            }
            var there = order(1_00, username: "success")
            there.institution = "wema-bank"
            #expect(try await world.bank.post(there, environmentID: 7).user.institution == "wema-bank")
        }
    }

    @Test("a bad order is refused and names its member")
    func badOrders() async throws {
        try await onEveryWorld { world in
            try await world.create("amaka")
            var cases: [(SandboxOrder, String?)] = [
                (order(0), "amount_minor"), (order(.min), "amount_minor"), (order(-1_000_000_000_000), "amount_minor"),
                (order(1, username: "nobody"), nil),
            ]
            var bad = order(1)
            bad.narration = ""
            cases.append((bad, "narration"))
            bad.narration = String(repeating: "x", count: 101)
            cases.append((bad, "narration"))
            bad = order(1)
            bad.channel = ""
            cases.append((bad, "channel"))
            bad = order(1)
            bad.institution = "no-bank"
            cases.append((bad, "institution"))
            bad = order(1)
            bad.username = nil
            cases.append((bad, "username"))
            for (order, field) in cases {
                do {
                    _ = try await world.bank.post(order, environmentID: 7)
                    Issue.record("posted \(order)")
                } catch let error as DomainError {
                    #expect(error.field == field, "\(error)")
                }
            }
            try await world.addEnvironment(8)
            await #expect(throws: DomainError.self) { try await world.bank.post(order(1), environmentID: 8) }
        }
    }

    @Test("a month later posted rows still are what they were")
    func stable() async throws {
        try await onEveryWorld { world in
            try await world.create("amaka") { $0.volume = .high }
            let linked = try await world.link("amaka", "secret-word")
            for amount in [1_000_00, -250_50, 75] as [Int64] {
                _ = try await world.bank.post(order(amount), environmentID: 7)
                world.advance(minutes: 1)
            }
            let start = world.now.day().adding(days: -5)
            let account = linked.accounts[0].upstreamID
            let before = try await world.rows(linked.grant, account, from: start, to: world.now.day())
            world.advance(days: 31)
            let grant = try await world.connector.refreshAuth(linked.grant, world.context())
            let after = try await world.rows(grant, account, from: start, to: world.now.day())
            #expect(Array(after.suffix(before.count)) == before)
            let balance = try await world.connector.balance(grant, account: account, world.context())
            #expect(after.first?.runningBalance == balance.ledger)
        }
    }
}
