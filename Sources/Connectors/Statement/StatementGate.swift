import Domain

/// What every event of a file passes: limits, and whether balances follow from rows.
struct StatementGate: Sendable {
    private(set) var statements = 0
    private(set) var rows = 0
    private(set) var notesDropped = 0
    /// The number of the file in a zip, from 1; what is said of those behind the first says which one is meant.
    var file = 1
    private var notes = 0
    private var balances = StatementBalances()
    private var chain = StatementChain()
    /// Whether a statement named no account number.
    private(set) var hasNameless = false
    private let limits: StatementLimits

    init(limits: StatementLimits) { self.limits = limits }

    mutating func pass(
        _ event: StatementEvent, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        switch event {
        case .begin(let header):
            try take([header.opening?.amount], place: nil)
            statements += 1
            guard statements <= limits.statementsMax else {
                throw StatementError(
                    .tooLarge, "The file holds more than \(limits.statementsMax) statements. Split it.")
            }
            balances = StatementBalances(header)
            chain.begin(header)
            if header.accountNumber == nil { hasNameless = true }
            try tell(event)
        case .row(let row):
            try take([row.transaction.amount, row.transaction.runningBalance], place: row.place)
            rows += 1
            guard rows <= limits.rowsMax else {
                throw StatementError(.tooLarge, "The file holds more than \(limits.rowsMax) rows. Split it by periods.")
            }
            try tell(event)
            if let note = balances.take(row) { try pass(.note(note), tell) }
        case .end(let closing):
            try take([closing.opening, closing.closing, closing.available].map { $0?.amount }, place: nil)
            for note in balances.end(closing) + chain.end(closing, of: statements, balances.firstPlace) {
                try pass(.note(note), tell)
            }
            try tell(event)
        case .note(var note):
            notes += 1
            guard notes <= limits.notesMax else {
                notesDropped += 1
                return
            }
            if file > 1 { note.message = name + note.message }
            try tell(.note(note))
        }
    }

    var name: String { "File \(file) of the zip: " }

    /// What is absurd is the file's mistake: it must not be added up with what is right.
    private func take(_ amounts: [Money?], place: Int?) throws(StatementError) {
        guard let money = amounts.lazy.compactMap(\.self).first(where: { !$0.isTakeable }) else { return }
        let most = Money.decimal(minor: Money.takenMinorMax, scale: money.currency.scale)
        throw StatementError(
            .malformed,
            "An amount or a balance is larger than \(most), which no account holds; ask the bank for another export.",
            place: place)
    }
}
