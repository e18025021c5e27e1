import Domain
import Testing

@Suite("Freshness")
struct FreshnessTests {
    private static let noon = Instant(ms: 1_700_000_000_000)

    private static func facts(
        balanceDue: Instant? = noon + 60_000, isActive: Bool = true, isPaused: Bool = false,
        dueAt: Instant = noon + 60_000, products: [Product] = [.balance, .transactions], calls: String = ""
    ) -> FreshnessFacts {
        FreshnessFacts(
            connection: "c", institution: "access-bank", products: ProductSet(products), isActive: isActive,
            isPaused: isPaused, dueAt: dueAt,
            balance: .init(
                isScheduled: true, due: balanceDue, okAt: noon + -5000, triedAt: noon + -1000, outcome: "rate_limited"),
            transactions: .init(isScheduled: false), scan: "periodic", syncedTo: LocalDate("2023-11-14"), calls: calls)
    }

    private static func json(_ freshness: ConnectionFreshness) throws -> JSONValue {
        var out = JSONWriter()
        out.object { freshness.write(&$0) }
        return try JSONValue(parsing: out.bytes)
    }

    @Test("each product says as of when it is, how the last attempt went, and when the next one is")
    func members() throws {
        let shown = try Self.json(Self.facts().freshness(CallBudget(), at: Self.noon))
        #expect(
            shown["balance"] == [
                "as_of": "2023-11-14T22:13:15.000Z", "next_attempt_at": "2023-11-14T22:14:20.000Z", "quota_left": .null,
                "last_attempt": ["at": "2023-11-14T22:13:19.000Z", "outcome": "rate_limited"],
            ])
        #expect(
            shown["transactions"] == [
                "as_of": .null, "last_attempt": .null, "next_attempt_at": .null, "quota_left": .null,
                "complete_through": "2023-11-14", "scan": "periodic",
            ])
    }

    @Test("there is no next attempt while the user must act or the connection is paused")
    func noNext() {
        for facts in [Self.facts(isActive: false), Self.facts(isPaused: true)] {
            #expect(facts.freshness(CallBudget(), at: Self.noon).balance?.nextAttemptAt == nil)
        }
    }

    @Test("a run that was put off holds back what was due before it, and not what is due later")
    func putOff() {
        let late = Self.facts(balanceDue: Self.noon + -1000, dueAt: Self.noon + 9000)
        #expect(late.freshness(CallBudget(), at: Self.noon).balance?.nextAttemptAt == Self.noon + 9000)
        let other = Self.facts(balanceDue: Self.noon + 9000, dueAt: Self.noon + 1000)
        #expect(other.freshness(CallBudget(), at: Self.noon).balance?.nextAttemptAt == Self.noon + 9000)
        let first = Self.facts(balanceDue: nil, dueAt: Self.noon)
        #expect(first.freshness(CallBudget(), at: Self.noon).balance?.nextAttemptAt == Self.noon)
    }

    @Test("what is left of a budget is told where there is one, and a product that was not linked is null")
    func quota() throws {
        let budget = CallBudget(total: 4)
        let facts = Self.facts(products: [.balance])
        let shown = facts.freshness(budget, at: Self.noon)
        #expect(shown.balance?.quotaLeft == 4)
        #expect(try Self.json(shown)["transactions"] == .null)
    }

    @Test("one item of a list by itself carries its freshness as its last member")
    func only() {
        func listing(_ items: String, _ connections: [String]?, _ freshness: String) -> String? {
            var listing = Listing(
                info: PageInfo(total: 1, of: PageRequest()), items: Array(items.utf8), connections: connections)
            listing.freshness = Array(freshness.utf8)
            return listing.only.map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(listing("{\"id\":1}", ["c"], "{\"a\":2}") == "{\"id\":1,\"freshness\":{\"a\":2}}")
        #expect(listing("{\"id\":1}", ["c"], "") == "{\"id\":1,\"freshness\":null}")
        #expect(listing("{\"id\":1}", nil, "") == "{\"id\":1}")
        #expect(listing("", ["c"], "") == nil)
    }
}
