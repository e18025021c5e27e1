import Connectors
import Domain
import Storage

/// Finds what is known already of the accounts of a file, and on which days it says something else.
struct StatementMatcher {
    /// More days are not listed; a statement that differs on so many is another account's.
    static let daysMax = 60
    let core: Core
    let scope: Scope

    func match(
        _ preview: inout StatementPreview, _ upload: StatementUpload, _ target: StatementTarget,
        _ intake: StatementIntake, _ tx: Transaction
    ) throws {
        let db = tx.db
        let place = try place(target, db)
        if let digest = upload.digest {
            preview.isKnown =
                try StatementStore.known(digest: digest, place: place.claim, except: upload.id, scope, db) != nil
        }
        guard let known = place.accounts else { return }
        for index in preview.accounts.indices {
            guard let account = own(preview.accounts[index], of: preview.accounts.count, known) else { continue }
            preview.accounts[index].account = account.id.hex
            let connection = try ConnectionStore.find(account.connectionID, scope, db)
            preview.accounts[index].mayReplace = connection.map { core.isFedByStatements($0) } ?? false
            guard !preview.isKnown, let part = Int(preview.accounts[index].part), part < intake.parts.count else {
                continue
            }
            preview.accounts[index].contradictions = try contradictions(
                preview.accounts[index], intake.parts[part].days, upload.id, account, db)
        }
        if target.connection != nil, preview.accounts.allSatisfy({ $0.account == nil }) {
            throw DomainError(
                .statement("other_account"),
                "This statement is of another account than the connection's. Link that account by itself.",
                field: "file")
        }
    }

    private struct Place {
        var claim: String
        /// nil where a file begins a connection of its own.
        var accounts: [Account]?
    }

    /// Where a file is claimed, and the accounts that it may be of.
    private func place(_ target: StatementTarget, _ db: any SQLConnection) throws -> Place {
        var connection = target.connection
        if connection == nil, let session = target.session {
            let terms = try LinkTerms(json: session.request)
            guard let repaired = try terms.run.repairs.flatMap({ try ConnectionStore.find($0, scope, db) }) else {
                let claim = StatementJoin.place(terms, session.institution)
                guard let customer = terms.customerID.flatMap({ ID<Customer>($0) }) else {
                    return Place(claim: claim, accounts: nil)
                }
                let named = try AccountReads.named(.customer(customer.hex), scope, db)
                    .filter { $0.institution == session.institution }
                let accounts = try named.compactMap { try AccountStore.find(ID(trusted: $0.id), scope, db) }
                return Place(claim: claim, accounts: accounts)
            }
            connection = repaired
        }
        guard let connection else { return Place(claim: "", accounts: nil) }
        return Place(
            claim: "connection:\(connection.id)", accounts: try AccountStore.list(connection.id, scope, db))
    }

    /// By its number; a file without one is of the only account there is.
    private func own(_ found: StatementPreview.Account, of count: Int, _ known: [Account]) -> Account? {
        guard let number = found.number else { return known.count == 1 && count == 1 ? known[0] : nil }
        let index = core.vault.index(number, purpose: "nuban")
        return known.first { $0.numberIndex == index && $0.currency == found.currency }
    }

    private func contradictions(
        _ found: StatementPreview.Account, _ days: [LocalDate: Int], _ upload: ID<StatementUpload>,
        _ account: Account, _ db: any SQLConnection
    ) throws -> [ContradictedDay] {
        let part = Int(found.part) ?? 0
        let near = DayWindow(
            from: found.period.from.adding(days: -Reconciler.valueDaysMax),
            to: found.period.to.adding(days: Reconciler.valueDaysMax))
        let values = try StatementStore.valueDays(account.id, near, scope, db)
        var stored: [LocalDate: [Int64]] = [:]
        var valueDays: [LocalDate: Set<LocalDate>] = [:]
        try StatementStore.storedAmounts(account.id, found.period, scope, db) { day, minor, id in
            stored[day, default: []].append(minor)
            if let value = values[id] { valueDays[day, default: []].insert(value) }
        }
        var contradicted: [ContradictedDay] = []
        for (day, amounts) in stored.sorted(by: { $0.key < $1.key }) {
            guard contradicted.count < Self.daysMax else { break }
            let own =
                days[day] == nil
                ? [] : try StatementStore.stagedAmounts(upload, part: part, day, scope, db)
            let isEdge = day == found.period.from || day == found.period.to
            guard StatementContradiction.day(day, stored: amounts, statement: own, isEdge: isEdge) != nil else {
                continue
            }
            var elsewhere = try StatementStore.stagedAmounts(upload, part: part, valueOn: day, scope, db)
            for other in (valueDays[day] ?? []).sorted() {
                elsewhere += try StatementStore.stagedAmounts(upload, part: part, other, scope, db)
            }
            if let other = StatementContradiction.day(
                day, stored: amounts, statement: own, elsewhere: elsewhere, isEdge: isEdge)
            {
                contradicted.append(other)
            }
        }
        return contradicted
    }
}

extension Core {
    /// Whether a connection gets its data by files that people upload, and not from a bank that can be asked.
    func isFedByStatements(_ connection: Connection) -> Bool {
        connectors.connector(id: connection.connector)?.descriptor.access == .statement
    }

    /// The connector that takes uploaded statements; nil when none is installed.
    var statements: (any Connector)? { connectors.connectors.first { $0.descriptor.access == .statement } }
}
