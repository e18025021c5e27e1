import Crypto
import Foundation
import Synchronization
import Testing

@testable import Shop

/// Kubewa as a test wants it to answer.
final class PlayedKubewa: KubewaCalls {
    struct State {
        var accounts: [BankAccount] = [PlayedKubewa.account]
        var transactions: [BankTransaction] = []
        var problem: ShopProblem?
        var asked: [String] = []
        var posted: [Posting] = []
    }

    static let account = BankAccount(
        id: "a1", connection: "r1", institution: .init(slug: "access-bank", name: "Access Bank"), name: "Savings",
        number: "0123456789", mask: "6789", currency: "NGN")

    private let state = Mutex(State())

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }
    var asked: [String] { state.withLock(\.asked) }
    var posted: [Posting] { state.withLock(\.posted) }

    func accounts() async throws(ShopProblem) -> [BankAccount] { try ask("accounts").accounts }

    func transactions(account: String, from day: String) async throws(ShopProblem) -> [BankTransaction] {
        try ask("transactions \(account) \(day)").transactions
    }

    func now() async throws(ShopProblem) -> Date {
        _ = try ask("now")
        return tenOClock
    }

    func post(_ posting: Posting) async throws(ShopProblem) {
        _ = try ask("post")
        change { $0.posted.append(posting) }
    }

    private func ask(_ what: String) throws(ShopProblem) -> State {
        let answer = state.withLock { state in
            state.asked.append(what)
            return state
        }
        if let problem = answer.problem { throw problem }
        return answer
    }
}

@Suite("The shop's desk")
struct ShopDeskTests {
    private static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    private let kubewa = PlayedKubewa()
    private let desk: ShopDesk

    init() throws {
        let verifier = try #require(WebhookVerifier(secret: Self.secret))
        desk = ShopDesk(kubewa: kubewa, verifier: verifier, say: { _ in })
    }

    private func placed() async throws -> Order {
        try await desk.load()
        return try await desk.place(account: "a1", amountMinor: 450_000)
    }

    /// A webhook as Kubewa signs it.
    private func deliver(
        _ id: String = "evt_1", transactions: [String] = ["t1"], to: String = "2024-01-15",
        secret: String = Self.secret
    ) async throws -> ShopDesk.Receipt {
        let names = transactions.map { "\"\($0)\"" }.joined(separator: ",")
        let body = Array(
            """
            {"event":"transaction.success","event_id":"\(id)","nuban":"6789","data":{"record":"r1","account":"a1",\
            "count":\(transactions.count),"from":"2024-01-01","to":"\(to)","query":{"ids":[\(names)]}}}
            """.utf8)
        let time = String(Int64(tenOClock.timeIntervalSince1970))
        let key = SymmetricKey(data: try #require(Data(base64Encoded: String(secret.dropFirst(6)))))
        let code = HMAC<SHA256>.authenticationCode(for: Data("\(id).\(time).".utf8) + body, using: key)
        let headers = [
            "webhook-id": id, "webhook-timestamp": time,
            "webhook-signature": "v1,\(Data(code).base64EncodedString())",
        ]
        return await desk.receive(body, now: tenOClock) { headers[$0] }
    }

    private func state(_ order: Order) async -> Order.State? { await desk.order(order.id)?.state }

    @Test("a verified event that names a fitting transaction pays the order")
    func paid() async throws {
        let order = try await placed()
        kubewa.change { $0.transactions = [credit()] }
        #expect(try await deliver() == .taken)
        #expect(await state(order) == .paid)
    }

    @Test("a forged event pays nothing and asks nobody")
    func forged() async throws {
        let order = try await placed()
        kubewa.change { $0.transactions = [credit()] }
        #expect(try await deliver(secret: "whsec_AAAAAAAAAAAAAAAAAAAAAAAA") == .refused)
        #expect(await state(order) == .waiting)
        #expect(kubewa.asked == ["accounts", "now"])
    }

    @Test("while Kubewa cannot be asked the event is not taken, and pays when it is sent again")
    func later() async throws {
        let order = try await placed()
        kubewa.change { $0.problem = ShopProblem(code: "kubewa_unreachable", message: "") }
        #expect(try await deliver() == .later)
        #expect(await state(order) == .waiting)
        kubewa.change {
            $0.problem = nil
            $0.transactions = [credit()]
        }
        #expect(try await deliver() == .taken)
        #expect(await state(order) == .paid)
    }

    @Test("an event that comes twice is taken twice and acted on once")
    func twice() async throws {
        _ = try await placed()
        let second = try await desk.place(account: "a1", amountMinor: 450_000)
        kubewa.change { $0.transactions = [credit("t1"), credit("t2")] }
        #expect(try await deliver() == .taken)
        kubewa.change { $0.asked = [] }
        #expect(try await deliver() == .taken)
        #expect(kubewa.asked.isEmpty)
        #expect(await state(second) == .waiting)
    }

    @Test("only transactions that the event names count")
    func named() async throws {
        let order = try await placed()
        kubewa.change { $0.transactions = [credit("t9")] }
        #expect(try await deliver(transactions: ["t1"]) == .taken)
        #expect(await state(order) == .waiting)
    }

    @Test("history from before the order's day is not even looked up")
    func history() async throws {
        _ = try await placed()
        kubewa.change { $0.asked = [] }
        #expect(try await deliver(to: "2024-01-14") == .taken)
        #expect(kubewa.asked.isEmpty)
    }

    @Test("nothing is looked up while no order waits")
    func idle() async throws {
        #expect(try await deliver() == .taken)
        #expect(kubewa.asked.isEmpty)
    }

    @Test("the time it took is told when the page played the bank")
    func took() async throws {
        let order = try await placed()
        try await desk.send(order: order.id, amountMinor: 450_000, channel: "ussd")
        #expect(kubewa.posted.map(\.account) == ["0123456789"])
        #expect(kubewa.posted.map(\.channel) == ["ussd"])
        kubewa.change { $0.transactions = [credit()] }
        _ = try await deliver()
        #expect(try #require(await desk.order(order.id)?.tookMs) >= 0)
    }

    @Test("an order needs a linked account and a price, a posting an order and an amount")
    func badRequests() async throws {
        let order = try await placed()
        await #expect(throws: ShopProblem.self) { try await desk.place(account: "a2", amountMinor: 450_000) }
        for amount in [0, -1, Int64.min, Int64.max] {
            await #expect(throws: ShopProblem.self) { try await desk.place(account: "a1", amountMinor: amount) }
            await #expect(throws: ShopProblem.self) {
                try await desk.send(order: order.id, amountMinor: amount, channel: "nip")
            }
        }
        await #expect(throws: ShopProblem.self) { try await desk.send(order: "o9", amountMinor: 1, channel: "nip") }
        await #expect(throws: ShopProblem.self) {
            try await desk.send(order: order.id, amountMinor: 1, channel: "<script>")
        }
        #expect(kubewa.posted.isEmpty)
    }

    @Test("a page is told no whole account number")
    func masked() async throws {
        try await desk.load()
        var first: String?
        for await message in await desk.watch() {
            first = message
            break
        }
        let text = try #require(first)
        #expect(text.contains("6789"))
        #expect(!text.contains("0123456789"))
    }
}
