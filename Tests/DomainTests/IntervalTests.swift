import Domain
import Testing

struct IntervalTests {
    @Test("what is asked for holds until something longer bounds it, which is then the reason")
    func effective() {
        func effective(_ bounds: IntervalBounds) -> EffectiveInterval {
            EffectiveInterval(asked: .fiveMinute, bounds)
        }
        let minute: Int64 = 60_000
        #expect(effective(IntervalBounds()) == EffectiveInterval(ms: 5 * minute))
        #expect(effective(IntervalBounds(bankMinimumMs: minute, floorMs: 5 * minute)).reason == nil)
        #expect(
            effective(IntervalBounds(bankMinimumMs: 10 * minute))
                == EffectiveInterval(ms: 10 * minute, reason: .bankMinimum))
        #expect(
            effective(IntervalBounds(bankMinimumMs: 10 * minute, budgetMs: 20 * minute, floorMs: 15 * minute))
                == EffectiveInterval(ms: 20 * minute, reason: .budget))
        #expect(
            effective(IntervalBounds(bankMinimumMs: 20 * minute, budgetMs: 20 * minute, floorMs: 30 * minute))
                == EffectiveInterval(ms: 30 * minute, reason: .operatorFloor))
        #expect(effective(IntervalBounds(bankMinimumMs: 20 * minute, budgetMs: 20 * minute)).reason == .bankMinimum)
        #expect(EffectiveInterval(ms: 1001).seconds == 2)
    }

    // MARK: changes

    private func change(_ json: String) throws -> RefreshChange {
        try RefreshChange(members: JSONValue(parsing: Array(json.utf8)).members ?? [:])
    }

    @Test("a change names an interval for both products, for each, or takes one off the schedule")
    func changes() throws {
        #expect(
            try change(#"{"interval":"one_hour"}"#)
                == RefreshChange(balance: .every(.oneHour), transactions: .every(.oneHour)))
        #expect(
            try change(#"{"interval":"one_hour","balance":false}"#)
                == RefreshChange(balance: .onDemand, transactions: .every(.oneHour)))
        #expect(try change(#"{"transactions":true,"paused":null}"#) == RefreshChange(transactions: .every(.daily)))
        #expect(try change(#"{"paused":true}"#) == RefreshChange(isPaused: true))
        let setting = RefreshSetting(balance: .daily, transactions: nil, webhookURL: "https://a.example")
        #expect(
            RefreshChange(balance: .onDemand).applied(to: setting)
                == RefreshSetting(balance: nil, transactions: nil, webhookURL: "https://a.example"))
    }

    @Test(
        "what is no change is refused by the name of its member",
        arguments: [
            ("{}", "interval"), (#"{"interval":null}"#, "interval"), (#"{"interval":"weekly"}"#, "interval"),
            (#"{"balance":5}"#, "balance"), (#"{"transactions":"hourly"}"#, "transactions"),
            (#"{"paused":"yes"}"#, "paused"), (#"{"pause":true}"#, "pause"),
        ])
    func refused(json: String, field: String) {
        let error = #expect(throws: DomainError.self) { try change(json) }
        #expect(error?.field == field)
    }

    // MARK: phases

    @Test("a scan is initial until the newest data of every account is there, full until the history is")
    func phases() throws {
        let steps = SyncPlan.steps(
            accounts: ["a", "b"], products: [.balance, .transactions, .identity],
            today: try #require(LocalDate("2024-03-01")), syncedTo: nil, historyMonths: 3, windowDaysMax: 31)
        let newest = try #require(steps.firstIndex(of: .identity))
        for done in 0..<newest { #expect(ScanPhase.during(steps, done: done) == .initial) }
        for done in newest..<steps.count { #expect(ScanPhase.during(steps, done: done) == .full) }
        #expect(ScanPhase.during(steps, done: steps.count) == .periodic)
        #expect(ScanPhase.during([.balance(account: "a")], done: 0) == .initial)
        #expect(ScanPhase.during([], done: 0) == .periodic)
    }
}
