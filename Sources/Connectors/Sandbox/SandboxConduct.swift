import Domain

/// One call, as rules see it.
struct SandboxMoment {
    var operation: SandboxOperation
    /// Position of the account that is asked for.
    var account: Int?
    var now: Instant
    /// What durations count from.
    var start: Instant
    /// When the access that calls was given.
    var linkedAt: Instant?
    /// Tells calls of the same moment apart, such as the pages of a list.
    var detail = ""
    var seed: UInt64
}

/// What a script makes of one call.
struct SandboxConduct {
    var latencyMs: Int64 = 0
    var show = SandboxShow()
    /// The first refusal; what comes after it does not matter.
    var problem: SandboxProblem?
    /// The access ends for good.
    var access: SandboxRule.Access?
}

extension SandboxRule {
    /// Whether the rule speaks of this call, its `times` and `limit` apart.
    func holds(_ call: SandboxMoment, _ index: Int) -> Bool {
        guard operations.isEmpty || operations.contains(call.operation) else { return false }
        if let account, let asked = call.account, account != asked { return false }
        guard isNow(call.now, call.start) else { return false }
        if access != nil, let begin = from?.instant(from: call.start), let linkedAt = call.linkedAt, linkedAt >= begin {
            return false
        }
        guard chance < 100 else { return true }
        let text = "\(index) \(call.operation.rawValue) \(call.account ?? -1) \(call.now.ms) \(call.detail)"
        return SandboxRandom.mix(SandboxRandom.seed(text) ^ call.seed, 17) % 100 < UInt64(chance)
    }

    func isNow(_ now: Instant, _ start: Instant) -> Bool {
        if let from, now < from.instant(from: start) { return false }
        if let until, now >= until.instant(from: start) { return false }
        let day = now.day()
        if !weekdays.isEmpty, !weekdays.contains(day.weekday) { return false }
        guard let daily else { return true }
        return daily.contains(Int((now - day.start()) / 60_000))
    }
}

extension SandboxScript {
    /// What is said of an account at a moment, whatever is called.
    func look(of account: Int, at now: Instant, from start: Instant) -> SandboxShow {
        var show = SandboxShow()
        for rule in rules where rule.show.account != nil || rule.show.rename != nil {
            guard rule.account ?? account == account, rule.isNow(now, start) else { continue }
            show.take(rule.show)
        }
        return show
    }
}

extension SandboxPersona {
    /// What the bank lists of these accounts at a moment.
    func shown(_ accounts: [SandboxAccount], at now: Instant) -> [SandboxAccount] {
        guard let script else { return accounts }
        return accounts.flatMap { $0.shown(script.look(of: $0.position, at: now, from: start)) }
    }
}

extension SandboxAccount {
    /// The account as the bank lists it while a script speaks of it: none when it is gone, two when it is doubled.
    func shown(_ show: SandboxShow) -> [SandboxAccount] {
        var account = self
        if let name = show.rename { account.product = name }
        switch show.account {
        case nil: return [account]
        case .gone: return []
        case .inactive:
            account.isActive = false
            return [account]
        case .newID:
            account.upstreamID = otherID
            return [account]
        case .doubled:
            var second = account
            second.upstreamID = otherID
            return [account, second]
        }
    }

    /// What the bank calls it when it gives it another id.
    var otherID: String { "acc_" + Hex.encode(SandboxRandom.mix(ledger.seed, -31).bytes) }
}
