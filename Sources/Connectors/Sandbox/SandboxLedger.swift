import Domain

/// What moves an account's money.
enum SandboxRowKind: UInt8, Sendable {
    case salary, sale, ownTransferIn, transferIn, interest, reversal
    case transferOut, walletOut, pos, web, ussdOut, airtime, data, atm, cable, power, vendor, wages
    case nipFee, ussdFee, levy, smsFee, cardFee, tax
}

/// A row before its text is written.
struct SandboxRow: Sendable, Equatable {
    var day: LocalDate
    /// After midnight in Lagos.
    var second: Int
    /// The row's number in its day: with the day it names the row for ever.
    var sequence: Int
    var amountMinor: Int64
    var kind: SandboxRowKind
    /// What the text is drawn from; a fee and a reversal share their transfer's.
    var textSeed: UInt64

    var instant: Instant { day.start() + Int64(second) * 1000 }
}

/// One account's computed rows: a day's rows depend only on the account's seed and the day.
///
/// A month spends at most a fixed part of what it brings, and the opening balance is more than a month's spending,
/// so the balance never falls below zero of itself.
struct SandboxLedger: Sendable {
    enum Style: Sendable { case salaried, savings, company }

    static let historyMonths = 24

    let seed: UInt64
    let style: Style
    let volume: SandboxCustomer.Volume
    /// The first day with rows.
    let epoch: LocalDate
    /// What a month brings.
    let incomeMinor: Int64
    let openingMinor: Int64

    init(seed: UInt64, style: Style, volume: SandboxCustomer.Volume, epoch: LocalDate) {
        self.seed = seed
        self.style = style
        self.volume = volume
        self.epoch = epoch
        var random = SandboxRandom(SandboxRandom.mix(seed, -1))
        let thousands: Int64 =
            switch style {
            case .salaried: random.between(120, 900)
            case .savings: random.between(25, 200)
            case .company: random.between(5_000, 60_000)
            }
        incomeMinor = thousands * 100_000
        openingMinor = incomeMinor * random.between(150, 300) / 100 + random.between(0, 99)
    }

    /// Creation day minus 24 months.
    static func epoch(createdOn day: LocalDate) -> LocalDate {
        let month = SandboxMonth(day)
        let start = SandboxMonth(index: month.index - historyMonths)
        return start.firstDay.adding(days: min(day.civil.day, start.days) - 1)
    }

    /// All rows of a month from the epoch on, in the order in which they happen.
    func rows(of month: SandboxMonth) -> [SandboxRow] {
        let plan = SandboxMonthPlan(self, month)
        var rows: [SandboxRow] = []
        rows.reserveCapacity(32 * Int(volume.debits.upperBound))
        let first = month.firstDay
        for offset in 0..<month.days {
            let day = first.adding(days: offset)
            guard day >= epoch else { continue }
            var maker = SandboxDayMaker(ledger: self, day: day)
            maker.make(plan, dayOfMonth: offset + 1)
            rows += maker.sorted
        }
        return rows
    }
}

extension SandboxCustomer.Volume {
    /// Debits a day, without their fees.
    var debits: ClosedRange<Int64> {
        switch self {
        case .low: 0...1
        case .medium: 1...4
        case .high: 4...10
        }
    }
    /// A transfer comes in on one day of this many.
    var daysPerCredit: Int {
        switch self {
        case .low: 15
        case .medium: 6
        case .high: 2
        }
    }
}

/// A calendar month, counted from year 0.
struct SandboxMonth: Hashable, Comparable, Sendable {
    let index: Int
    init(index: Int) { self.index = index }
    init(_ day: LocalDate) {
        let civil = day.civil
        index = civil.year * 12 + civil.month - 1
    }
    var year: Int { index / 12 }
    var month: Int { index % 12 + 1 }
    var days: Int { LocalDate.days(in: month, year) }
    var firstDay: LocalDate { LocalDate(year: year, month: month, day: 1) ?? LocalDate(dayNumber: 0) }
    var lastDay: LocalDate { firstDay.adding(days: days - 1) }
    var next: SandboxMonth { SandboxMonth(index: index + 1) }
    var previous: SandboxMonth { SandboxMonth(index: index - 1) }
    static func < (left: Self, right: Self) -> Bool { left.index < right.index }
}

/// How a month's spending is spread over its days.
struct SandboxMonthPlan {
    private let weights: [Int64]
    private let total: Int64
    private let budgetMinor: Int64
    let payday: Int
    let cableDay: Int
    let powerDay: Int
    let cableMinor: Int64
    let powerMinor: Int64

    init(_ ledger: SandboxLedger, _ month: SandboxMonth) {
        let first = month.firstDay
        var weights: [Int64] = []
        weights.reserveCapacity(31)
        for offset in 0..<month.days {
            var random = SandboxRandom(SandboxRandom.mix(ledger.seed, first.dayNumber + offset) ^ 1)
            let weekend = (first.weekday + offset) % 7 >= 5
            weights.append(random.between(20, 100) + (weekend ? 30 : 0))
        }
        self.weights = weights
        total = weights.reduce(0, +)
        // The person's habits are the same every month.
        var random = SandboxRandom(SandboxRandom.mix(ledger.seed, -2))
        var payday = 25 + random.below(3)
        while (first.weekday + payday - 1) % 7 >= 5 { payday -= 1 }
        self.payday = payday
        cableDay = 3 + random.below(20)
        powerDay = 2 + random.below(24)
        cableMinor = random.pick([4_400_00, 7_400_00, 11_000_00, 19_000_00])
        powerMinor = random.pick([3_000_00, 5_000_00, 10_000_00, 15_000_00])
        // Sales vary by a tenth, so a company spends less of them.
        let spent = ledger.incomeMinor / 100 * (ledger.style == .company ? 75 : 84)
        budgetMinor = ledger.style == .savings ? spent : spent - cableMinor - powerMinor
    }

    func budget(dayOfMonth: Int) -> Int64 { budgetMinor / total * weights[dayOfMonth - 1] }
}
