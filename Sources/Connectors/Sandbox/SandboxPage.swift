import Domain

/// A page of a list of transactions, as the bank writes it.
struct SandboxPage {
    let account: String
    let window: DayWindow
    /// The cursor that asked for it.
    let after: String?
    let entries: [SandboxEntry]
    let hasMore: Bool
    let now: Instant
    let show: SandboxShow

    /// So many rows a bank gives that does not keep to the limit.
    static let hugeRows = 100_000
    private static let overlap = 3

    func write(_ out: inout JSONWriter) {
        out.array("transactions") { out in
            if show.paging == .huge, !entries.isEmpty {
                for number in 0..<Self.hugeRows { write(entries[number % entries.count], number, &out) }
            } else {
                for (number, entry) in shownEntries.enumerated() { write(entry, number, &out) }
            }
        }
        out.member("next_cursor", next)
    }

    private var shownEntries: [SandboxEntry] {
        guard show.paging == .shuffled else { return entries }
        return entries.sorted { SandboxRandom.seed($0.id) < SandboxRandom.seed($1.id) }
    }

    private var next: String? {
        let isLong = entries.count > Self.overlap
        let last = show.paging == .overlapping && isLong ? entries[entries.count - Self.overlap] : entries.last
        let following = hasMore ? last.map { SandboxCursor(account, window, $0.key).text } : nil
        switch show.paging {
        case .endless, .stuck:
            guard let first = entries.first else { return after }
            if show.paging == .stuck { return after ?? SandboxCursor(account, window, first.key).text }
            // Round and round: each time another cursor, and the same rows.
            return following ?? SandboxCursor(account, window, SandboxEntryKey(ms: now.ms, sequence: .max, id: "")).text
        default:
            return following
        }
    }

    private func write(_ entry: SandboxEntry, _ number: Int, _ out: inout JSONWriter) {
        let lie = number == 0 ? show.lie : nil
        func shown<T>(_ member: SandboxShow.Member, _ value: T?) -> T? { show.omits(member) ? nil : value }
        out.object { out in
            out.member("id", shown(.id, id(entry, number)))
            out.member("status", entry.status.rawValue)
            let amount = Money.decimal(minor: entry.amountMinor, scale: 2)
            out.member("amount", lie == .fiveDecimals ? amount + "137" : amount)
            out.member("currency", lie == .otherCurrency ? "GHS" : "NGN")
            out.member("booked_on", (lie == .futureDate ? now.day().adding(days: 45) : entry.day).iso)
            out.member("occurred_at", shown(.occurredAt, entry.instant))
            out.member("narration", entry.text.narration)
            out.member("counterparty", shown(.counterparty, entry.text.counterparty))
            out.member("reference", shown(.reference, entry.text.reference))
            out.member("channel", shown(.channel, entry.text.channel))
            out.member("branch", shown(.branch, entry.text.branch))
            out.member("code", shown(.code, entry.text.code))
            out.decimal("running_balance", shown(.runningBalance, entry.runningMinor))
        }
    }

    private func id(_ entry: SandboxEntry, _ number: Int) -> String? {
        func renamed(_ salt: Int64) -> String {
            "txn_" + Hex.encode(SandboxRandom.mix(SandboxRandom.seed(entry.id), Int(salt)).bytes)
        }
        switch show.ids {
        case nil, .stable: return show.paging == .huge ? "\(entry.id)_\(number)" : entry.id
        case .missing: return nil
        // Numbered anew each day, as some banks do.
        case .repeated: return "txn_\(entry.sequence % SandboxEntry.lastSequence)"
        case .positional: return "row_\(after == nil ? "" : "n")\(number)"
        case .newEachCall: return renamed(now.ms)
        case .newEachDay: return renamed(Int64(now.day().dayNumber))
        }
    }
}

/// The place after which a page goes on, bound to its list.
struct SandboxCursor {
    let account: String
    let window: DayWindow
    let key: SandboxEntryKey

    init(_ account: String, _ window: DayWindow, _ key: SandboxEntryKey) {
        self.account = account
        self.window = window
        self.key = key
    }

    var text: String {
        let fields = [account, window.from.iso, window.to.iso, String(key.ms), String(key.sequence), key.id]
        return Hex.encode(fields.joined(separator: " ").utf8)
    }

    init?(_ text: String) {
        guard let bytes = Hex.decode(text) else { return nil }
        let fields = String(decoding: bytes, as: UTF8.self)
            .split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 6, let from = LocalDate(fields[1]), let to = LocalDate(fields[2]),
            let ms = Int64(fields[3]), let sequence = Int(fields[4])
        else { return nil }
        self.init(fields[0], DayWindow(from: from, to: to), SandboxEntryKey(ms: ms, sequence: sequence, id: fields[5]))
    }
}
