import Domain

/// A row as the bank shows it.
struct SandboxEntry: Sendable, Equatable {
    var id: String
    var status: TransactionStatus
    var amountMinor: Int64
    var instant: Instant
    var sequence: Int
    var text: SandboxText
    var runningMinor: Int64?

    var day: LocalDate { instant.day() }
    var key: SandboxEntryKey {
        SandboxEntryKey(ms: instant.ms, sequence: sequence, id: sequence < Self.lastSequence ? "" : id)
    }

    /// Rows that are not computed come after the computed ones of their second.
    static let lastSequence = 1 << 15
}

/// Where a row stands in its account for ever.
struct SandboxEntryKey: Comparable, Sendable {
    var ms: Int64
    var sequence: Int
    var id: String
    static func < (left: Self, right: Self) -> Bool {
        (left.ms, left.sequence, left.id) < (right.ms, right.sequence, right.id)
    }
}

/// An account at one moment: the computed rows up to it, with the posted ones and the scenario's among them.
struct SandboxStatement: Sendable {
    let account: SandboxAccount
    let now: Instant
    let narrator: SandboxNarrator
    private let extras: [SandboxEntry]
    private let show: SandboxShow
    private let cache: SandboxTotals

    init(
        _ account: SandboxAccount, of persona: SandboxPersona, _ history: SandboxHistory, at now: Instant,
        _ show: SandboxShow, _ cache: SandboxTotals
    ) {
        self.account = account
        self.now = now
        self.show = show
        self.cache = cache
        narrator = SandboxNarrator(nipCode: account.nipCode, holder: persona.name.uppercased())
        extras = Self.extras(account, persona, history, now)
    }

    // MARK: balance

    /// What is booked, and that less what is held.
    var balance: (ledgerMinor: Int64, availableMinor: Int64) {
        let booked = openingMinor(of: SandboxMonth(now.day())) + rows(of: SandboxMonth(now.day())).sum
        let held = extras.filter { $0.status == .pending }.reduce(0) { $0 + $1.amountMinor }
        return (booked - unbookedMinor, booked + held)
    }

    /// Until then rows are booked; those after it are pending where the bank is slow.
    private var bookedUntil: Instant { now + -(show.pendingMs ?? 0) }

    private var unbookedMinor: Int64 {
        guard show.pendingMs != nil else { return 0 }
        var sum: Int64 = 0
        var month = SandboxMonth(bookedUntil.day())
        while month <= SandboxMonth(now.day()) {
            for row in rows(of: month).computed where row.instant > bookedUntil { sum += row.amountMinor }
            month = month.next
        }
        return extras.reduce(sum) {
            $1.status == .booked && $1.instant > bookedUntil ? $0 + $1.amountMinor : $0
        }
    }

    // MARK: pages

    /// Rows of the window, newest first, after `cursor`; one more than `limit` tells that there are others.
    func entries(in window: DayWindow, after cursor: SandboxEntryKey?, limit: Int) -> [SandboxEntry] {
        var found: [SandboxEntry] = []
        var latest = min(window.to, now.day())
        if let cursor { latest = min(latest, Instant(ms: cursor.ms).day()) }
        var month = SandboxMonth(latest)
        let oldest = SandboxMonth(max(window.from, account.ledger.epoch))
        while month >= oldest {
            for row in merged(month).reversed() {
                guard window.contains(row.day), cursor.map({ row.key < $0 }) ?? true, isShown(row) else { continue }
                found.append(asBooked(row.entry(self)))
                if found.count == limit { return found }
            }
            month = month.previous
        }
        return found
    }

    /// Whether the bank shows a row, by a chance that is the row's own.
    private func isShown(_ row: Slot) -> Bool {
        guard show.hiddenPercent != nil || show.late != nil else { return true }
        let chance = SandboxRandom.mix(row.mark ^ account.ledger.seed, -40)
        if let percent = show.hiddenPercent, chance % 100 < UInt64(percent) { return false }
        guard let late = show.late, (chance >> 32) % 100 < UInt64(late.percent) else { return true }
        return row.instant + late.ms <= now
    }

    /// A row that is too young to be booked is pending, with an id of its own.
    private func asBooked(_ entry: SandboxEntry) -> SandboxEntry {
        guard show.pendingMs != nil, entry.status == .booked, entry.instant > bookedUntil else { return entry }
        var entry = entry
        entry.status = .pending
        entry.id = "hold_" + Hex.encode(SandboxRandom.mix(SandboxRandom.seed(entry.id), -41).bytes)
        entry.runningMinor = nil
        entry.text.reference = nil
        return entry
    }

    /// A row that is not written out yet; most rows of a month are not on the page.
    private enum Slot {
        case computed(SandboxRow, runningMinor: Int64)
        case extra(SandboxEntry)

        var day: LocalDate {
            switch self {
            case .computed(let row, _): row.day
            case .extra(let entry): entry.day
            }
        }
        var key: SandboxEntryKey {
            switch self {
            case .computed(let row, _): SandboxEntryKey(ms: row.instant.ms, sequence: row.sequence, id: "")
            case .extra(let entry): entry.key
            }
        }
        var instant: Instant {
            switch self {
            case .computed(let row, _): row.instant
            case .extra(let entry): entry.instant
            }
        }
        /// The same for ever, and another for each row.
        var mark: UInt64 {
            switch self {
            case .computed(let row, _): SandboxRandom.mix(UInt64(bitPattern: row.instant.ms), row.sequence)
            case .extra(let entry): SandboxRandom.seed(entry.id)
            }
        }
        func entry(_ statement: SandboxStatement) -> SandboxEntry {
            switch self {
            case .computed(let row, let running): statement.entry(row, running)
            case .extra(let entry): entry
            }
        }
    }

    private func merged(_ month: SandboxMonth) -> [Slot] {
        var running = openingMinor(of: month)
        var slots: [Slot] = []
        var pending = extras.filter { SandboxMonth($0.day) == month }[...]
        func place(_ entry: SandboxEntry) {
            var entry = entry
            if entry.status == .booked {
                running += entry.amountMinor
                entry.runningMinor = running
            }
            slots.append(.extra(entry))
        }
        for row in rows(of: month).computed {
            let key = SandboxEntryKey(ms: row.instant.ms, sequence: row.sequence, id: "")
            while let next = pending.first, next.key < key { place(pending.removeFirst()) }
            running += row.amountMinor
            slots.append(.computed(row, runningMinor: running))
        }
        for entry in pending { place(entry) }
        return slots
    }

    private func entry(_ row: SandboxRow, _ running: Int64) -> SandboxEntry {
        let seed = SandboxRandom.mix(SandboxRandom.mix(account.ledger.seed, row.day.dayNumber), -10 - row.sequence)
        return SandboxEntry(
            id: "txn_" + Hex.encode(seed.bytes), status: .booked, amountMinor: row.amountMinor, instant: row.instant,
            sequence: row.sequence, text: narrator.text(row), runningMinor: running)
    }

    // MARK: sums

    private struct MonthRows {
        var computed: [SandboxRow]
        var sum: Int64
    }

    /// The month's rows up to now; `sum` has the booked extras too.
    private func rows(of month: SandboxMonth) -> MonthRows {
        var rows = account.ledger.rows(of: month)
        if month.lastDay >= now.day() { rows = rows.filter { $0.instant <= now } }
        let extra = extras.reduce(0) {
            $1.status == .booked && SandboxMonth($1.day) == month ? $0 + $1.amountMinor : $0
        }
        return MonthRows(computed: rows, sum: rows.reduce(extra) { $0 + $1.amountMinor })
    }

    /// What was in the account when the month began.
    private func openingMinor(of month: SandboxMonth) -> Int64 {
        let computed = cache.opening(account.ledger, month)
        return extras.reduce(computed) {
            $1.status == .booked && SandboxMonth($1.day) < month ? $0 + $1.amountMinor : $0
        }
    }

    // MARK: rows that are not computed

    private static func extras(
        _ account: SandboxAccount, _ persona: SandboxPersona, _ history: SandboxHistory, _ now: Instant
    ) -> [SandboxEntry] {
        var entries = history.postings.filter { $0.accountNumber == account.number && $0.postedAt <= now }.map(posted)
        let rows = persona.script?.rows ?? []
        if rows.contains(where: { $0.account == account.position }) {
            var days: Set<LocalDate> = []
            for linkedAt in history.linkedAt where days.insert(linkedAt.day()).inserted && linkedAt <= now {
                for (index, row) in rows.enumerated() where row.account == account.position {
                    if let entry = scripted(row, index, linkedAt, account, now) { entries.append(entry) }
                }
            }
        }
        return entries.sorted { $0.key < $1.key }
    }

    static func posted(_ posting: SandboxPosting) -> SandboxEntry {
        var text = SandboxText(posting.narration, channel: posting.channel, code: posting.channel.uppercased())
        text.reference = posting.id.hex
        return SandboxEntry(
            id: "pst_" + posting.id.hex, status: .booked, amountMinor: posting.amountMinor, instant: posting.postedAt,
            sequence: SandboxEntry.lastSequence, text: text)
    }

    /// A row that a linking brings, or what became of it.
    private static func scripted(
        _ row: SandboxScriptedRow, _ index: Int, _ linkedAt: Instant, _ account: SandboxAccount, _ now: Instant
    ) -> SandboxEntry? {
        let seed = SandboxRandom.mix(account.ledger.seed, linkedAt.day().dayNumber)
        func entry(_ status: TransactionStatus, _ amount: Int64, at instant: Instant, _ narration: String)
            -> SandboxEntry
        {
            let salt = (status == .pending ? -5 : -6) - 100 * index
            var text = SandboxText(narration, channel: "pos", code: "POS")
            text.reference = status == .pending ? nil : String((seed &+ UInt64(index)) % 1_000_000_000)
            let prefix = status == .pending ? "hold_" : "txn_"
            return SandboxEntry(
                id: prefix + Hex.encode(SandboxRandom.mix(seed, salt).bytes), status: status, amountMinor: amount,
                instant: instant, sequence: SandboxEntry.lastSequence, text: text)
        }
        let appears = linkedAt + row.afterMs
        guard now >= appears else { return nil }
        if let vanishes = row.vanishesAfterMs, now >= appears + vanishes { return nil }
        if let after = row.postsAfterMs, now >= appears + after {
            return entry(
                .booked, row.postsAmountMinor ?? row.amountMinor, at: appears + after,
                row.postsNarration ?? row.narration)
        }
        return entry(row.isPending ? .pending : .booked, row.amountMinor, at: appears, row.narration)
    }
}
