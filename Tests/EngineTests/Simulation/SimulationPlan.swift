import Domain
import Storage
import TestKit

/// What one seed simulates: logins with banks that misbehave for some days, and then do not.
struct SimulationPlan {
    struct Login {
        var username: String
        var institution: String
        var interval: RefreshInterval
        var script: JSONValue
        /// Nothing ever goes wrong at its bank.
        var isClean: Bool
    }

    let seed: UInt64
    /// Days in which things go wrong; three calm ones follow.
    let days: Int64
    let logins: [Login]

    /// The first is clean; two logins share a lane, one bank has a rate, one a budget for each connection.
    private static let institutions = [
        "access-bank", "zenith-bank", "zenith-bank", "wema-bank", "fidelity-bank", "sterling-bank",
    ]
    static let limits: [String: BankSetting] = [
        "wema-bank": BankSetting(rate: RateCap(calls: 16, windowMs: 600_000)),
        "sterling-bank": BankSetting(budget: CallBudget(total: 30)),
    ]
    private static let intervals: [RefreshInterval] = [.oneHour, .sixHours, .daily, .thirtyMinute]

    init(seed: UInt64, days: Int64) {
        self.seed = seed
        self.days = days
        var random = SplitMix(seed: seed ^ 0x51D)
        logins = Self.institutions.enumerated().map { index, institution in
            let isClean = index == 0
            let interval = Self.intervals[Int.random(in: 0..<Self.intervals.count, using: &random)]
            var rules: [JSONValue] = []
            if !isClean {
                for _ in 0..<Int.random(in: 1...4, using: &random) { rules.append(Self.rule(days, &random)) }
            }
            let script: JSONValue = [
                "seed": .integer(Int64(seed % 1_000_000)), "rules": .array(rules), "volume": "low",
                "accounts": .integer(Int64.random(in: 1...2, using: &random)),
            ]
            return Login(
                username: "person\(index)", institution: institution, interval: interval, script: script,
                isClean: isClean)
        }
    }

    /// What a bank may do. Each is over when the calm days begin.
    private static let effects: [[String: JSONValue]] = [
        ["error": "unavailable", "retry_after": "10m"], ["error": "bank_error", "chance": 30],
        ["error": "rate_limited", "retry_after": "30m", "chance": 40], ["error": "token_expired", "chance": 20],
        ["error": "data_incomplete", "chance": 50], ["error": "not_ready", "chance": 50], ["latency": "40s"],
        ["body": "html", "chance": 30], ["body": "half", "chance": 30], ["body": "empty", "chance": 30],
        ["body": "array", "chance": 30], ["lie": "future_date", "chance": 50], ["lie": "five_decimals", "chance": 50],
        ["lie": "other_currency", "chance": 50], ["paging": "endless"], ["paging": "stuck"],
        ["paging": "overlapping"], ["paging": "shuffled"], ["limit": 6, "per": "hour"], ["limit": 30, "per": "day"],
        ["ids": "new_each_call"], ["ids": "new_each_day"], ["ids": "missing"], ["ids": "repeated"],
        ["ids": "positional"], ["pending": "20h"], ["pending": "50h"], ["late": ["share": 30, "by": "30h"]],
        ["hide": 20], ["omit": ["running_balance"]], ["omit": ["reference", "occurred_at"]],
        ["access": "ended", "on": ["token"]], ["access": "revoked"], ["account_is": "inactive", "account": 1],
        ["account_is": "gone", "account": 1], ["rename": "Renamed Account", "account": 0],
        ["error": "unavailable", "daily": "01:00-04:00"], ["error": "account_blocked", "times": 2],
    ]

    private static func rule(_ days: Int64, _ random: inout SplitMix) -> JSONValue {
        var members = effects[Int.random(in: 0..<effects.count, using: &random)]
        let from = Int64.random(in: 1..<(days * 24), using: &random)
        let until = min(days * 24, from + Int64.random(in: 1...48, using: &random))
        members["from"] = .string("\(from)h")
        members["until"] = .string("\(until)h")
        return .object(members)
    }
}
