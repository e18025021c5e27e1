import Testing

@testable import Domain

struct CallBudgetTests {
    private let start = Instant(ms: 1_705_309_200_123)

    @Test("no rolling day ever holds more calls than the budget, whenever they are tried", arguments: 1...40)
    func neverMore(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let budget = CallBudget(
            total: Int.random(in: 1...60, using: &random),
            each: [
                .balance: Int.random(in: 1...30, using: &random), .transactions: Int.random(in: 1...30, using: &random),
            ])
        var ledger = CallLedger()
        var made: [(operation: BankOperation, at: Instant)] = []
        var now = start
        for _ in 0..<1500 {
            now = now + Int64.random(in: 1...Int64.random(in: 2...7_200_000, using: &random), using: &random)
            let operation = BankOperation.allCases.randomElement(using: &random) ?? .balance
            // What is stored is what decides the next time.
            ledger = CallLedger(text: ledger.text)
            let denied = budget.take(operation, &ledger, at: now, isUserPresent: Bool.random(using: &random))
            if denied == nil { made.append((operation, now)) }
            if let denied { #expect(denied > now) }
        }
        for call in made {
            let day = made.filter { $0.at <= call.at && $0.at.ms > call.at.ms - Instant.dayMs }
            #expect(day.count <= budget.total ?? 0)
            for (operation, limit) in budget.each {
                #expect(day.filter { $0.operation == operation }.count <= limit)
            }
        }
        #expect(made.count > budget.total ?? 0, "calls go on as days pass")
    }

    @Test("the last call is kept for a person who is present, and only for one")
    func kept() {
        let budget = CallBudget(each: [.balance: 4])
        var ledger = CallLedger()
        for _ in 0..<3 { #expect(budget.take(.balance, &ledger, at: start, isUserPresent: false) == nil) }
        #expect(budget.take(.balance, &ledger, at: start, isUserPresent: false) != nil)
        #expect(budget.left(.balance, calls: ledger.text, at: start) == 1)
        #expect(budget.take(.balance, &ledger, at: start, isUserPresent: true) == nil)
        #expect(budget.take(.balance, &ledger, at: start, isUserPresent: true) != nil)
        #expect(budget.left(.balance, calls: ledger.text, at: start) == 0)
        #expect(
            budget.left(.transactions, calls: ledger.text, at: start) == nil, "what has no limit has none left over")
        #expect(budget.take(.transactions, &ledger, at: start, isUserPresent: false) == nil)
    }

    @Test("a budget of one call is used by itself: nothing could be refreshed else")
    func one() {
        var ledger = CallLedger()
        #expect(CallBudget(total: 1).take(.balance, &ledger, at: start, isUserPresent: false) == nil)
        #expect(CallBudget(total: 1).take(.balance, &ledger, at: start, isUserPresent: true) != nil)
    }

    @Test("at the moment that is told when nothing is left, the call can be made, and not before")
    func when() throws {
        let budget = CallBudget(total: 3)
        var ledger = CallLedger()
        #expect(budget.take(.balance, &ledger, at: start, isUserPresent: true) == nil)
        #expect(budget.take(.balance, &ledger, at: start + 5000, isUserPresent: true) == nil)
        #expect(budget.take(.accounts, &ledger, at: start + 9000, isUserPresent: true) == nil)
        let until = try #require(budget.take(.balance, &ledger, at: start + 9000, isUserPresent: true))
        #expect(until - start >= Instant.dayMs && until - start < Instant.dayMs + 1000)
        #expect(budget.take(.balance, &ledger, at: until + -1000, isUserPresent: true) != nil)
        #expect(budget.take(.balance, &ledger, at: until, isUserPresent: true) == nil)
    }

    @Test("a bank that says that nothing is left is believed until its own moment")
    func exhausted() {
        let budget = CallBudget(each: [.balance: 10])
        var ledger = CallLedger()
        budget.exhaust(.balance, &ledger, until: start + 3_600_000, at: start)
        #expect(budget.left(.balance, calls: ledger.text, at: start) == 0)
        #expect(budget.left(.balance, calls: ledger.text, at: start + 3_599_000) == 0)
        #expect(budget.left(.balance, calls: ledger.text, at: start + 3_602_000) == 10)
    }

    @Test("a ledger stays short however many calls there are, and empty without a budget")
    func short() {
        var ledger = CallLedger()
        for index in 0..<2000 { ledger.add(.balance, at: start + Int64(index) * 40_000) }
        #expect(ledger.count(.balance, at: start + 80_000_000) == 2000)
        #expect(ledger.text.utf8.count < 600)
        var unused = CallLedger()
        #expect(CallBudget().take(.balance, &unused, at: start, isUserPresent: false) == nil)
        #expect(unused.text.isEmpty)
    }

    @Test("the sustainable interval keeps within the budget, one call kept and a day's look at the accounts set aside")
    func sustainable() throws {
        let four = CallBudget(each: [.balance: 4, .transactions: 4])
        let found = four.sustainable(
            RefreshSetting(balance: .oneMinute, transactions: .daily), accounts: 1)
        #expect(found.balanceMs == Instant.dayMs / 3)
        #expect(try #require(found.transactionsMs) <= Instant.dayMs)
        let shared = CallBudget(total: 24).sustainable(
            RefreshSetting(balance: .oneMinute, transactions: .daily), accounts: 2)
        let balanceMs = max(RefreshInterval.oneMinute.ms, try #require(shared.balanceMs))
        let transactionsMs = max(RefreshInterval.daily.ms, try #require(shared.transactionsMs))
        #expect(transactionsMs == Instant.dayMs, "what asks for little gets it")
        #expect(2 * Instant.dayMs / balanceMs + 2 * Instant.dayMs / transactionsMs == 22)
        #expect(CallBudget().sustainable(.daily, accounts: 3) == (nil, nil))
    }

    @Test(
        "a budget is written and read back, and nonsense is refused", arguments: ["total=24,balance=4", "identity=1"])
    func text(_ text: String) {
        #expect(CallBudget(text: text)?.text == text)
        for wrong in ["total", "total=0", "total=x", "payments=4", "total=-1"] {
            #expect(CallBudget(text: wrong) == nil)
        }
    }
}
