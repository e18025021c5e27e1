import Domain
import Testing

struct RefreshTests {
    private func setting(_ json: String) throws -> RefreshSetting {
        try RefreshSetting(option: JSONValue(parsing: Array(json.utf8)))
    }

    @Test("the sample of the data synchronisation document is understood")
    func sample() throws {
        let sample = """
            {"interval": "thirty_minute", "products": ["balance", "transaction"], "webhook_url": "Your-webhooks-URL"}
            """
        #expect(
            try setting(sample)
                == RefreshSetting(balance: .thirtyMinute, transactions: .thirtyMinute, webhookURL: "Your-webhooks-URL"))
    }

    @Test(
        "every published interval is known",
        arguments: [
            ("one_minute", 60), ("five_minute", 300), ("fifteen_minute", 900), ("thirty_minute", 1800),
            ("one_hour", 3600), ("six_hours", 21_600), ("twelve_hours", 43_200), ("daily", 86_400),
        ])
    func intervals(name: String, seconds: Int64) throws {
        let interval = try RefreshInterval(wire: name)
        #expect(interval.ms == seconds * 1000)
        #expect(try setting(#"{"interval":"\#(name)"}"#) == RefreshSetting(balance: interval, transactions: interval))
        #expect(RefreshInterval.allCases.count == 8)
    }

    @Test(
        "an unknown interval is refused with the list of known ones",
        arguments: ["hourly", "ONE_MINUTE", "1h", " daily"])
    func unknownInterval(name: String) {
        let error = #expect(throws: DomainError.self) { try setting(#"{"interval":"\#(name)"}"#) }
        #expect(error?.code == .unknownInterval)
        #expect(error?.field == "refresh.interval")
        for known in RefreshInterval.allCases { #expect(error?.message.contains(known.rawValue) == true) }
    }

    @Test("absent and true are daily, false is on demand only")
    func simple() throws {
        #expect(try RefreshSetting(option: nil) == .daily)
        for json in [
            "null", "true", #""true""#, #""""#, "{}", #"{"interval":null,"products":null,"webhook_url":null}"#,
        ] {
            #expect(try setting(json) == .daily, "\(json)")
        }
        for json in ["false", #""false""#] { #expect(try setting(json) == .onDemand) }
    }

    @Test("products choose what is refreshed, transaction and transactions alike")
    func products() throws {
        #expect(try setting(#"{"products":["balance"]}"#) == RefreshSetting(balance: .daily, transactions: nil))
        for name in ["transaction", "transactions", "Transactions"] {
            let expected = RefreshSetting(balance: nil, transactions: .oneHour)
            #expect(try setting(#"{"interval":"one_hour","products":["\#(name)"]}"#) == expected)
        }
        #expect(try setting(#"{"products":[]}"#) == .onDemand)
    }

    @Test(
        "what the option cannot be is refused by the name of its member",
        arguments: [
            ("1", "refresh"), (#""weekly""#, "refresh"), ("[]", "refresh"), (#"{"interval":5}"#, "refresh.interval"),
            (#"{"products":"balance"}"#, "refresh.products"), (#"{"products":[1]}"#, "refresh.products"),
            (#"{"products":["identity"]}"#, "refresh.products"), (#"{"products":["loans"]}"#, "refresh.products"),
            (#"{"webhook_url":1}"#, "refresh.webhook_url"),
        ])
    func refused(json: String, field: String) {
        let error = #expect(throws: DomainError.self) { try setting(json) }
        #expect(error?.field == field)
    }

    @Test("the next due time is after now, at most one interval away, and always in the connection's own phase")
    func nextDue() {
        var random = SeededRandom(seed: 3)
        for _ in 0..<2000 {
            let phase = random.next()
            let now = Instant(ms: Int64(random.next() % 4_000_000_000_000) - 1_000_000_000_000)
            for interval in RefreshInterval.allCases {
                let due = RefreshSetting.nextDue(after: now, interval: interval, phase: phase)
                #expect(due > now && due - now <= interval.ms)
                let again = RefreshSetting.nextDue(after: due, interval: interval, phase: phase)
                #expect(again - due == interval.ms)
            }
        }
    }

    @Test("connections on one interval are spread evenly over it", arguments: RefreshInterval.allCases)
    func spread(interval: RefreshInterval) {
        var random = SeededRandom(seed: 4)
        var parts = Array(repeating: 0, count: 60)
        let now = Instant(ms: 1_700_000_000_000)
        for _ in 0..<12_000 {
            let due = RefreshSetting.nextDue(after: now, interval: interval, phase: random.next())
            parts[Int((due - now - 1) * 60 / interval.ms)] += 1
        }
        #expect(parts.allSatisfy { (130...270).contains($0) }, "seed 4: \(parts)")
    }
}

struct RetryScheduleTests {
    private let now = Instant(ms: 1_700_000_000_000)

    @Test("the published delays, and nothing after the last")
    func delays() {
        let published: [Int64] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
        for (index, seconds) in published.enumerated() {
            let next = RetrySchedule.next(after: index + 1, at: now, retryAfterSeconds: nil, chance: 0)
            #expect(next == now + seconds * 1000)
        }
        for attempts in [10, 11, 1000, 0, -1] {
            #expect(RetrySchedule.next(after: attempts, at: now, retryAfterSeconds: nil, chance: 0) == nil)
        }
    }

    @Test("jitter only adds, and at most a fifth")
    func jitter() {
        for attempts in 1...9 {
            let base = RetrySchedule.delaySeconds[attempts - 1] * 1000
            for chance: Int64 in [0, 1, 5000, 9999] {
                let next = RetrySchedule.next(after: attempts, at: now, retryAfterSeconds: nil, chance: chance)
                let delay = (next ?? now) - now
                #expect(delay >= base && delay < base + base / 5)
                #expect(delay - base == base / 5 * chance / 10_000)
            }
        }
    }

    @Test(
        "Retry-After is never undercut, and counts for a day at most",
        arguments: [
            (nil, 5), (-7, 5), (0, 5), (3, 5), (60, 60), (86_400, 86_400), (999_999_999, 86_400), (Int.max, 86_400),
        ]
            as [(Int?, Int64)])
    func retryAfter(asked: Int?, seconds: Int64) {
        let next = RetrySchedule.next(after: 1, at: now, retryAfterSeconds: asked, chance: 0)
        #expect(next == now + seconds * 1000)
    }
}
