/// What was read of an uploaded statement, as it is shown before anything of it is taken over.
public struct StatementPreview: Sendable, Equatable {
    /// One account of the file, over all statements that the file holds of it.
    public struct Account: Sendable, Equatable {
        /// Its place in the file, by which it is chosen.
        public var part: String
        /// As the file writes it; nil when the file names none. Only the last four digits are shown.
        public var number: String?
        public var holder: String?
        public var name: String?
        public var type: String?
        public var currency: Currency
        public var period: DayWindow
        public var opening: Money?
        public var closing: Money?
        public var rows: Int
        /// The first rows of the file and its last ones, in the file's order.
        public var firstRows: [Row] = []
        public var lastRows: [Row] = []
        /// Days for which something else is stored already.
        public var contradictions: [ContradictedDay] = []
        /// The stored account that it is, where that is known.
        public var account: String?
        /// Whether the statement may take the place of what is stored; a bank's own word stays.
        public var mayReplace = false
        /// Rows of days to come, which are left out.
        public var futureRows = 0

        public init(part: String, currency: Currency, period: DayWindow, rows: Int) {
            self.part = part
            self.currency = currency
            self.period = period
            self.rows = rows
        }

        public var mask: String? { number.map { String($0.suffix(4)) } }
    }

    /// A row as far as it is shown.
    public struct Row: Sendable, Equatable {
        public var bookedOn: LocalDate
        public var amount: Money
        public var text: String
        public init(bookedOn: LocalDate, amount: Money, text: String) {
            self.bookedOn = bookedOn
            self.amount = amount
            self.text = text
        }
    }

    /// What was passed over, or does not fit.
    public struct Note: Sendable, Equatable {
        /// As `StatementNote.Kind` names it.
        public var kind: String
        public var message: String
        /// The line or entry of the file, from 1.
        public var place: Int?
        public init(kind: String, message: String, place: Int?) {
            self.kind = kind
            self.message = message
            self.place = place
        }
    }

    public var upload: String
    public var format: String
    /// The CSV profile that it was read with.
    public var profile: String?
    public var encoding: String
    public var isZipped: Bool
    public var accounts: [Account] = []
    public var notes: [Note] = []
    /// Notes beyond those that are kept.
    public var notesDropped = 0
    /// The very same file was taken over before.
    public var isKnown = false
    /// Why the last answer was not taken.
    public var problem: String?

    public init(upload: String, format: String, profile: String?, encoding: String, isZipped: Bool) {
        self.upload = upload
        self.format = format
        self.profile = profile
        self.encoding = encoding
        self.isZipped = isZipped
    }

    /// Amounts are minor units; account numbers are left to their last four digits unless `isWhole`.
    public func json(isWhole: Bool = false) -> JSONValue {
        [
            "upload": .string(upload), "format": .string(format), "profile": StatementText.json(profile),
            "encoding": .string(encoding), "zipped": .bool(isZipped), "known": .bool(isKnown),
            "accounts": .array(accounts.map { $0.json(isWhole: isWhole) }), "notes": .array(notes.map(\.json)),
            "notes_dropped": .integer(Int64(notesDropped)), "problem": StatementText.json(problem),
        ]
    }

    /// Reads what `json(isWhole: true)` wrote.
    public init(json value: JSONValue) {
        self.init(
            upload: value["upload"]?.text ?? "", format: value["format"]?.text ?? "",
            profile: value["profile"]?.text, encoding: value["encoding"]?.text ?? "",
            isZipped: value["zipped"] == .bool(true))
        isKnown = value["known"] == .bool(true)
        accounts = (value["accounts"]?.elements ?? []).compactMap(Account.init(json:))
        notes = (value["notes"]?.elements ?? []).map(Note.init(json:))
        notesDropped = Int(StatementText.integer(value["notes_dropped"]) ?? 0)
        problem = value["problem"]?.text
    }
}

/// What a person says to a preview.
public struct StatementChoice: Sendable, Equatable {
    /// What becomes of days for which something else is stored.
    public enum Contradiction: String, Sendable, CaseIterable {
        /// What is stored stays, and the statement's rows of these days are left out.
        case keep
        /// The statement's rows take the place of what is stored for these days.
        case replace
    }

    /// Parts of the file; all when empty and there is only one.
    public var parts: [String]
    /// Where the file names no account number.
    public var accountNumber: String?
    public var contradiction: Contradiction?

    public init(parts: [String] = [], accountNumber: String? = nil, contradiction: Contradiction? = nil) {
        self.parts = parts
        self.accountNumber = accountNumber
        self.contradiction = contradiction
    }

    /// Reads the fields of an answer to the step.
    public init(_ answer: StepAnswer) {
        parts = answer.accounts
        let number = answer.fields["account_number"]?.filter { !$0.isWhitespace && $0 != "-" }
        accountNumber = number.flatMap { $0.isEmpty ? nil : $0 }
        contradiction = answer.fields["contradictions"].flatMap(Contradiction.init(rawValue:))
    }
}

extension StatementPreview {
    private static let numberLengths = 4...34

    /// The accounts that were chosen, with their numbers; or what is wrong with the answer, for the person.
    public func chosen(_ choice: StatementChoice) -> Result<[Account], ChoiceProblem> {
        var chosen = accounts.filter { choice.parts.contains($0.part) }
        if choice.parts.isEmpty, accounts.count == 1 { chosen = accounts }
        guard !chosen.isEmpty, chosen.count == Set(choice.parts).count || choice.parts.isEmpty else {
            return .failure(ChoiceProblem("Choose at least one of the accounts of this file."))
        }
        if let number = choice.accountNumber {
            let isPlain = number.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (97...122).contains(byte | 32)
            }
            guard isPlain, Self.numberLengths.contains(number.utf8.count) else {
                return .failure(ChoiceProblem("Enter the account number as the bank writes it: usually ten digits."))
            }
        }
        let nameless = chosen.indices.filter { chosen[$0].number == nil && chosen[$0].account == nil }
        guard nameless.count < 2 else {
            return .failure(ChoiceProblem("The file names no account numbers. Choose one account at a time."))
        }
        if let place = nameless.first {
            guard let number = choice.accountNumber else {
                return .failure(ChoiceProblem("The file names no account number. Enter it."))
            }
            chosen[place].number = number
        }
        let contradicted = chosen.filter { !$0.contradictions.isEmpty }
        guard contradicted.isEmpty || choice.contradiction != nil else {
            return .failure(
                ChoiceProblem("For some days something else is stored. Say which of the two is to be kept."))
        }
        guard choice.contradiction != .replace || contradicted.allSatisfy(\.mayReplace) else {
            return .failure(
                ChoiceProblem("What is stored came from the bank itself, and stays. Choose to keep what is stored."))
        }
        return .success(chosen)
    }

    /// What is wrong with an answer, and what to do.
    public struct ChoiceProblem: Error, Sendable, Equatable {
        public let message: String
        public init(_ message: String) { self.message = message }
    }
}

extension StatementPreview.Account {
    func json(isWhole: Bool) -> JSONValue {
        var members: [String: JSONValue] = [
            "id": .string(part), "mask": StatementText.json(mask), "holder": StatementText.json(holder),
            "name": StatementText.json(name), "type": StatementText.json(type), "currency": .string(currency.code),
            "from": .string(period.from.iso), "to": .string(period.to.iso),
            "opening_minor": StatementText.json(opening?.minor), "closing_minor": StatementText.json(closing?.minor),
            "rows": .integer(Int64(rows)), "first_rows": .array(firstRows.map(\.json)),
            "last_rows": .array(lastRows.map(\.json)), "contradictions": .array(contradictions.map(\.json)),
            "account": StatementText.json(account), "may_replace": .bool(mayReplace),
            "asks_number": .bool(number == nil && account == nil), "future_rows": .integer(Int64(futureRows)),
        ]
        if isWhole { members["number"] = StatementText.json(number) }
        return .object(members)
    }

    init?(json value: JSONValue) {
        guard let from = value["from"]?.text.flatMap({ LocalDate($0) }),
            let to = value["to"]?.text.flatMap({ LocalDate($0) })
        else { return nil }
        let currency = Currency(code: value["currency"]?.text ?? "")
        func money(_ name: String) -> Money? {
            StatementText.integer(value[name]).map { Money(minor: $0, currency: currency) }
        }
        self.init(
            part: value["id"]?.text ?? "", currency: currency, period: DayWindow(from: from, to: to),
            rows: Int(StatementText.integer(value["rows"]) ?? 0))
        number = value["number"]?.text
        holder = value["holder"]?.text
        name = value["name"]?.text
        type = value["type"]?.text
        opening = money("opening_minor")
        closing = money("closing_minor")
        firstRows = (value["first_rows"]?.elements ?? []).compactMap { StatementPreview.Row($0, currency) }
        lastRows = (value["last_rows"]?.elements ?? []).compactMap { StatementPreview.Row($0, currency) }
        contradictions = (value["contradictions"]?.elements ?? []).compactMap(ContradictedDay.init(json:))
        account = value["account"]?.text
        mayReplace = value["may_replace"] == .bool(true)
        futureRows = Int(StatementText.integer(value["future_rows"]) ?? 0)
    }
}

extension StatementPreview.Row {
    var json: JSONValue {
        [
            "booked_on": .string(bookedOn.iso), "amount_minor": .integer(amount.minor), "description": .string(text),
        ]
    }

    init?(_ value: JSONValue, _ currency: Currency) {
        guard let day = value["booked_on"]?.text.flatMap({ LocalDate($0) }) else { return nil }
        self.init(
            bookedOn: day,
            amount: Money(minor: StatementText.integer(value["amount_minor"]) ?? 0, currency: currency),
            text: value["description"]?.text ?? "")
    }
}

extension StatementPreview.Note {
    var json: JSONValue {
        [
            "kind": .string(kind), "message": .string(message), "place": StatementText.json(place.map { Int64($0) }),
        ]
    }

    init(json value: JSONValue) {
        self.init(
            kind: value["kind"]?.text ?? "", message: value["message"]?.text ?? "",
            place: StatementText.integer(value["place"]).map { Int($0) })
    }
}

/// Members of a preview that may be missing.
enum StatementText {
    static func json(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
    static func json(_ number: Int64?) -> JSONValue { number.map(JSONValue.integer) ?? .null }
    static func integer(_ value: JSONValue?) -> Int64? { if case .integer(let number) = value { number } else { nil } }
}
