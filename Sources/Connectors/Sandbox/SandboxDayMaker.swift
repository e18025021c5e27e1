import Domain

/// Makes the rows of one day.
struct SandboxDayMaker {
    let ledger: SandboxLedger
    let day: LocalDate
    private var random: SandboxRandom
    private var rows: [SandboxRow] = []

    init(ledger: SandboxLedger, day: LocalDate) {
        self.ledger = ledger
        self.day = day
        random = SandboxRandom(SandboxRandom.mix(ledger.seed, day.dayNumber))
    }

    var sorted: [SandboxRow] { rows.sorted { ($0.second, $0.sequence) < ($1.second, $1.sequence) } }

    mutating func make(_ plan: SandboxMonthPlan, dayOfMonth: Int) {
        makeIncome(plan, dayOfMonth)
        if random.isOneIn(ledger.volume.daysPerCredit) { makeTransferIn() }
        let range = ledger.volume.debits
        let count = ledger.style == .savings ? range.lowerBound / 2 + random.between(0, 1) : between(range)
        makeDebits(Int(count), budget: plan.budget(dayOfMonth: dayOfMonth))
        guard ledger.style != .savings else { return }
        if dayOfMonth == plan.cableDay, ledger.style == .salaried { add(.cable, -plan.cableMinor, at: daytime()) }
        if dayOfMonth == plan.powerDay { add(.power, -plan.powerMinor, at: daytime()) }
        if dayOfMonth == 1 { add(.smsFee, -random.between(10, 60) * 4_00, at: 3_600 + 240) }
        if dayOfMonth == 2 { add(.cardFee, -53_75, at: 3_600 + 420) }
    }

    private mutating func between(_ range: ClosedRange<Int64>) -> Int64 {
        random.between(range.lowerBound, range.upperBound)
    }

    private mutating func daytime() -> Int { Int(random.between(6 * 3600, 22 * 3600)) }

    private mutating func add(_ kind: SandboxRowKind, _ amountMinor: Int64, at second: Int, text: UInt64? = nil) {
        let seed = text ?? random.next()
        rows.append(
            SandboxRow(
                day: day, second: min(second, 86_399), sequence: rows.count, amountMinor: amountMinor, kind: kind,
                textSeed: seed))
    }

    private mutating func makeIncome(_ plan: SandboxMonthPlan, _ dayOfMonth: Int) {
        let income = ledger.incomeMinor
        switch ledger.style {
        case .salaried:
            if dayOfMonth == plan.payday { add(.salary, income, at: 8 * 3600 + random.below(4 * 3600)) }
        case .company:
            if dayOfMonth % 7 == 0, dayOfMonth <= 28 {
                add(.sale, income / 400 * random.between(90, 110), at: 9 * 3600 + random.below(7 * 3600))
            }
        case .savings:
            if dayOfMonth == plan.payday { add(.ownTransferIn, income, at: 18 * 3600 + random.below(3 * 3600)) }
            if SandboxMonth(day).days == dayOfMonth {
                let interest = income / 1000 * random.between(4, 12)
                add(.interest, interest, at: 86_340)
                add(.tax, -interest / 10, at: 86_345)
            }
        }
    }

    private mutating func makeTransferIn() {
        let hundreds = random.between(20, max(21, ledger.incomeMinor / 20 / 10_000))
        let amount = hundreds * 10_000
        let second = daytime()
        let text = random.next()
        add(.transferIn, amount, at: second, text: text)
        // The state's levy on transfers received of ten thousand naira and more.
        if amount >= 10_000_00 { add(.levy, -50_00, at: second + 1, text: text) }
    }

    private mutating func makeDebits(_ count: Int, budget: Int64) {
        guard count > 0 else { return }
        var shares: [Int64] = []
        for _ in 0..<count { shares.append(random.between(1, 10)) }
        let total = shares.reduce(0, +)
        for share in shares { makeDebit(within: budget / total * share) }
    }

    /// A debit with its fees, together at most `limit`.
    private mutating func makeDebit(within limit: Int64) {
        let kind = random.pick(ledger.style == .company ? Self.companyKinds : Self.personKinds)
        let rule = Self.rule(kind, ledger.style)
        guard limit >= rule.least + 60_00 else {
            let small = min(limit, 2_000_00) / 100_00 * 100_00
            if small > 0 { add(.airtime, -small, at: daytime()) }
            return
        }
        let amount = min(limit - 60_00, rule.most)
        let rounded = amount / rule.step * rule.step
        let kobo = kind == .pos || kind == .web ? random.between(0, min(99, amount - rounded)) : 0
        let second = daytime()
        let text = random.next()
        add(kind, -(rounded + kobo), at: second, text: text)
        switch kind {
        case .transferOut, .walletOut, .vendor, .wages:
            let fee: Int64 = rounded <= 5_000_00 ? 10_75 : rounded <= 50_000_00 ? 26_88 : 53_75
            add(.nipFee, -fee, at: second + 1, text: text)
            if random.isOneIn(40) { add(.reversal, rounded, at: second + 60 + random.below(2_400), text: text) }
        case .ussdOut:
            add(.ussdFee, -6_98, at: second + 1, text: text)
        default:
            break
        }
    }

    private static let personKinds: [SandboxRowKind] = [
        .transferOut, .transferOut, .transferOut, .walletOut, .walletOut, .pos, .pos, .pos, .pos, .web, .ussdOut,
        .ussdOut, .airtime, .airtime, .data, .atm,
    ]
    private static let companyKinds: [SandboxRowKind] = [
        .vendor, .vendor, .vendor, .vendor, .wages, .wages, .transferOut, .pos, .web, .data,
    ]

    private static func rule(
        _ kind: SandboxRowKind, _ style: SandboxLedger.Style
    ) -> (least: Int64, most: Int64, step: Int64) {
        let scale: Int64 = style == .company ? 20 : 1
        return switch kind {
        case .airtime: (100_00, 5_000_00 * scale, 100_00)
        case .data: (500_00, 10_000_00 * scale, 500_00)
        case .atm: (1_000_00, 60_000_00, 1_000_00)
        case .ussdOut: (500_00, 50_000_00, 100_00)
        case .pos, .web: (200_00, 150_000_00 * scale, 10_00)
        default: (500_00, 1_000_000_00 * scale, 100_00)
        }
    }
}
