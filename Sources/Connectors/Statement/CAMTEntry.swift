import Domain

/// An entry while it is read, and as a row.
struct CAMTEntry: Sendable {
    /// Payments that the entry bundles.
    var payments = 0

    private static let textMax = 2000
    /// Lines of a payment's purpose that are kept; a batch may have a million.
    private static let linesMax = 20
    private let place: Int
    private var amount: String?
    private var currency: String?
    private var direction: String?
    private var status: String?
    private var bookedOn: String?
    private var valueOn: String?
    private var isReversal = false
    private var entryReference: String?
    private var servicerReference: String?
    private var endToEndID: String?
    private var codes: [String] = []
    private var ownCode: String?
    private var words: [String] = []
    private var detailText: String?
    private var entryText: String?
    private var structured: String?
    private var debtor: String?
    private var creditor: String?
    private var lastDebtor: String?
    private var lastCreditor: String?

    init(place: Int) { self.place = place }

    mutating func read(
        _ tag: CAMTTag, _ parent: CAMTTag, _ above: CAMTTag, _ text: String, currency code: String?
    ) throws(StatementError) {
        guard !text.isEmpty else { return }
        switch (parent, tag) {
        case (.entry, .amount): (amount, currency) = (text, code)
        case (.entry, .direction): direction = text
        case (.entry, .reversal): isReversal = text == "true" || text == "1"
        case (.entry, .status), (.status, .code), (.status, .proprietary): status = text
        case (.bookedOn, .day), (.bookedOn, .moment): bookedOn = text
        case (.valueOn, .day), (.valueOn, .moment): valueOn = text
        case (.entry, .entryReference): entryReference = text
        case (.entry, .servicerReference): servicerReference = text
        case (.entry, .entryText): entryText = text
        default: readDetails(tag, parent, above, text)
        }
    }

    private mutating func readDetails(_ tag: CAMTTag, _ parent: CAMTTag, _ above: CAMTTag, _ text: String) {
        switch (above, parent, tag) {
        case (_, .references, .endToEndID): endToEndID = endToEndID ?? text
        case (.entry, .bankCode, _), (.bankCode, _, _), (_, .family, _): readCode(tag, parent, above, text)
        case (_, .remittance, .unstructured): if words.count < Self.linesMax { words.append(text) }
        case (_, .creditorReference, .reference): structured = structured ?? text
        case (_, .details, .detailText): detailText = detailText ?? text
        case (.parties, .debtor, .name), (.debtor, .party, .name): debtor = debtor ?? text
        case (.parties, .creditor, .name), (.creditor, .party, .name): creditor = creditor ?? text
        case (.parties, .lastDebtor, .name), (.lastDebtor, .party, .name): lastDebtor = lastDebtor ?? text
        case (.parties, .lastCreditor, .name), (.lastCreditor, .party, .name): lastCreditor = lastCreditor ?? text
        default: break
        }
    }

    /// Codes of the entry come before those of its payments, which repeat them.
    private mutating func readCode(_ tag: CAMTTag, _ parent: CAMTTag, _ above: CAMTTag, _ text: String) {
        guard payments == 0 else { return }
        switch (parent, tag) {
        case (.proprietary, .code): ownCode = ownCode ?? text
        case (.domain, .code), (.family, .code), (.family, .subFamily):
            if codes.count < 3 { codes.append(text) }
        default: break
        }
    }

    // MARK: the row

    /// The row, and before it what a person should know of it.
    /// - Parameters:
    ///   - own: the account's currency, as far as it is known.
    ///   - createdOn: the message's day, for an entry without any.
    func events(currency own: String?, createdOn: LocalDate?) throws(StatementError) -> [StatementEvent] {
        guard let amount, let code = currency ?? own else { throw fault("has no amount or no currency") }
        guard let direction, direction == "CRDT" || direction == "DBIT" else {
            throw fault("does not say whether it is a credit or a debit")
        }
        let isDebit = direction == "DBIT"
        let money = try CAMTText.money(amount, code, isDebit: isDebit, place: place)
        var events: [StatementEvent] = []
        if let own, own != code {
            events.append(note(.notUnderstood, "An entry is in \(code), and its account is kept in \(own)."))
        }
        let (day, at) = try bookedDay(createdOn, &events)
        var transaction = FetchedTransaction(
            upstreamID: said(servicerReference), status: booking(&events), amount: money, bookedOn: day,
            occurredAt: at, text: text(isDebit))
        transaction.counterparty = payments > 1 ? nil : counterparty(isDebit)
        transaction.reference = reference
        transaction.code = codes.isEmpty ? ownCode : codes.joined(separator: "-")
        var row = StatementRow(transaction: transaction, valueOn: valueOn.flatMap(CAMTText.day), place: place)
        row.customerReference = payments > 1 ? nil : endToEndID
        row.bankReference = servicerReference
        events.append(.row(row))
        return events
    }

    private func bookedDay(
        _ createdOn: LocalDate?, _ events: inout [StatementEvent]
    ) throws(StatementError) -> (LocalDate, Instant?) {
        if let bookedOn {
            guard let day = CAMTText.day(bookedOn) else { throw fault("has a booking date that is no date") }
            return (day, CAMTText.instant(bookedOn))
        }
        if let valueOn {
            guard let day = CAMTText.day(valueOn) else { throw fault("has a value date that is no date") }
            return (day, nil)
        }
        guard let createdOn else { throw fault("has no date") }
        events.append(note(.missing, "An entry has no date; the message's own is taken."))
        return (createdOn, nil)
    }

    /// An entry for information is no booking yet; it stands as pending and is told.
    private func booking(_ events: inout [StatementEvent]) -> TransactionStatus {
        switch status {
        case nil, "BOOK": return .booked
        case "PDNG": return .pending
        default:
            events.append(
                note(.notUnderstood, "An entry is for information or for a later day; it is shown as pending."))
            return .pending
        }
    }

    private func text(_ isDebit: Bool) -> String {
        let joined = words.joined(separator: " ")
        if payments > 1 {
            let first = entryText ?? detailText ?? joined
            return cut(first.isEmpty ? "\(payments) payments" : "\(first) (\(payments) payments)")
        }
        let told = [joined, detailText, entryText, structured, counterparty(isDebit)].compactMap { $0 }
        return cut((isReversal ? "Reversal: " : "") + (told.first { !$0.isEmpty } ?? ownCode ?? ""))
    }

    private func cut(_ text: String) -> String { text.count > Self.textMax ? String(text.prefix(Self.textMax)) : text }

    /// The other side: the creditor of a debit, the debtor of a credit; a reversal gives back what went the other way.
    private func counterparty(_ isDebit: Bool) -> String? {
        isDebit != isReversal ? creditor ?? lastCreditor : debtor ?? lastDebtor
    }

    private var reference: String? {
        let first = payments > 1 ? nil : said(endToEndID)
        return first ?? said(servicerReference) ?? said(entryReference) ?? (payments > 1 ? nil : structured)
    }

    /// nil for the words by which messages say that there is no reference.
    private func said(_ reference: String?) -> String? {
        switch reference?.uppercased() {
        case nil, "NOTPROVIDED", "NONREF", "NOT PROVIDED", "NOREF": nil
        default: reference
        }
    }

    private func note(_ kind: StatementNote.Kind, _ message: String) -> StatementEvent {
        .note(StatementNote(kind, message, place: place))
    }

    private func fault(_ message: String) -> StatementError {
        StatementError(.malformed, "An entry \(message). Export the statement again.", place: place)
    }
}

/// Dates and amounts as ISO 20022 writes them.
enum CAMTText {
    /// The day as it is written, whatever the offset: it is the bank's own. XML Schema allows an offset behind a day.
    static func day(_ text: String) -> LocalDate? { LocalDate(String(text.prefix(10))) }

    /// nil unless a time and its offset are said.
    static func instant(_ text: String) -> Instant? {
        guard text.utf8.count > 19, text.utf8.dropFirst(19).contains(where: { "Z+-".utf8.contains($0) }) else {
            return nil
        }
        return Instant(iso: text)
    }

    static func money(
        _ text: String, _ code: String, isDebit: Bool, place: Int?
    ) throws(StatementError) -> Money {
        let isCode = code.utf8.count == 3 && code.utf8.allSatisfy { (65...90).contains($0) }
        guard isCode, let first = text.utf8.first, first != UInt8(ascii: "-") else {
            throw StatementError(.malformed, "An amount or its currency is no such. Export it again.", place: place)
        }
        do {
            return try Money(parsing: isDebit ? "-" + text.drop { $0 == "+" } : text, currency: Currency(code: code))
        } catch {
            throw StatementError(
                .malformed, "An amount cannot be kept exactly: \(error). Export it again.", place: place)
        }
    }
}
