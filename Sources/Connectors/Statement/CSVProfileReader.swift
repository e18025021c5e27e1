import Domain

/// Reads a profile from its JSON and says of every mistake which member it is in and what may stand there.
struct CSVProfileReader {
    private static let members = [
        "slug", "name", "institution", "general", "delimiter", "columns", "required", "words", "before", "skip",
        "debit_words", "credit_words", "booked_words", "pending_words", "failed_words", "dates", "decimal", "sign",
        "order", "currency", "utc_offset_minutes",
    ]
    private static let usualSkips = [
        "opening balance", "balance b/f", "balance bf", "b/f", "balance brought forward", "brought forward",
        "closing balance", "balance c/f", "balance carried forward", "carried forward", "total", "totals",
        "grand total", "sub total", "page", "end of statement", "statement of account",
    ]
    private static let usualLabels: [CSVProfile.Label: [String]] = [
        .accountNumber: [
            "account number", "account no", "acct no", "acct number", "account", "a/c no", "a/c number", "nuban",
            "wallet number", "account nuber",
        ],
        .holderName: ["account name", "customer name", "account holder", "name", "client name"],
        .accountType: ["account type", "type of account", "product"],
        .period: ["period", "statement period", "date range", "transaction period", "statement for the period"],
        .from: ["from", "start date", "period from", "from date", "statement from", "period start"],
        .to: ["to", "end date", "period to", "to date", "statement to", "period end"],
        .opening: [
            "opening balance", "balance b/f", "balance brought forward", "brought forward", "b/f", "balance bf",
            "beginning balance", "start balance",
        ],
        .closing: ["closing balance", "balance c/f", "balance carried forward", "ending balance", "end balance"],
        .currency: ["currency", "account currency"],
    ]
    private static let usualDebit = ["dr", "d", "db", "debit", "withdrawal", "out", "money out", "debited", "-"]
    private static let usualCredit = ["cr", "c", "credit", "deposit", "in", "money in", "credited", "+"]

    /// A column of this name is read even where a profile does not know it: a payment that only waits is not booked.
    private static let usualStatus = ["state", "status", "transaction status"]
    private static let usualBooked = [
        "completed", "complete", "success", "successful", "succeeded", "booked", "posted", "settled", "processed",
        "cleared", "paid", "done", "approved", "final",
    ]
    private static let usualPending = [
        "pending", "processing", "in progress", "in process", "initiated", "authorised", "authorized", "on hold",
        "uncleared", "awaiting", "scheduled",
    ]
    private static let usualFailed = [
        "failed", "failure", "declined", "rejected", "cancelled", "canceled", "reverted", "unsuccessful", "expired",
        "error",
    ]

    private let file: String
    private let object: JSONValue

    /// - Parameter file: named in every error.
    static func read(_ bytes: some Collection<UInt8>, file: String) throws(StatementError) -> CSVProfile {
        let object: JSONValue
        do {
            object = try JSONValue(parsing: bytes)
        } catch {
            throw StatementError(.badProfile, "\(file): this is no JSON.")
        }
        return try CSVProfileReader(file: file, object: object).profile()
    }

    private func profile() throws(StatementError) -> CSVProfile {
        guard let members = object.members else { throw fault("profile", "an object") }
        for name in members.keys.sorted() where !Self.members.contains(name) {
            throw fault(name, "one of \(Self.members.joined(separator: ", "))", "is no member of a profile")
        }
        guard let slug = object["slug"]?.text, isSlug(slug) else {
            throw fault("slug", "small letters, digits and hyphens, 64 at most")
        }
        var profile = CSVProfile(slug: slug, name: try text("name") ?? slug)
        profile.institution = try text("institution")
        profile.isGeneral = try flag("general")
        profile.delimiter = try delimiter()
        profile.columns = try columns()
        profile.required = try required(profile.columns)
        profile.words = try words("words").map { CSVHeading.plain($0) }
        profile.labels = try labels()
        profile.skip = (try words("skip") + Self.usualSkips).map { CSVHeading.plain($0) }
        profile.debitWords = try words("debit_words", Self.usualDebit).map { $0.lowercased() }
        profile.creditWords = try words("credit_words", Self.usualCredit).map { $0.lowercased() }
        profile.bookedWords = try words("booked_words", Self.usualBooked).map { CSVHeading.plain($0) }
        profile.pendingWords = try words("pending_words", Self.usualPending).map { CSVHeading.plain($0) }
        profile.failedWords = try words("failed_words", Self.usualFailed).map { CSVHeading.plain($0) }
        profile.dates = try choice("dates") ?? .ask
        profile.decimal = try choice("decimal") ?? .detect
        profile.sign = try choice("sign") ?? .asWritten
        profile.order = try choice("order") ?? .detect
        profile.currency = try currency()
        profile.utcOffsetMinutes = try offset()
        return profile
    }

    // MARK: columns

    private func columns() throws(StatementError) -> [CSVProfile.Column: [String]] {
        guard let told = object["columns"]?.members, !told.isEmpty else {
            throw fault("columns", "an object of column → list of headings")
        }
        var columns: [CSVProfile.Column: [String]] = [:]
        for (name, value) in told.sorted(by: { $0.key < $1.key }) {
            guard let column = CSVProfile.Column(rawValue: name) else {
                let all = CSVProfile.Column.allCases.map(\.rawValue).joined(separator: ", ")
                throw fault("columns.\(name)", all, "is no column")
            }
            let headings = try list(value, "columns.\(name)").map { CSVHeading.plain($0) }
            guard !headings.isEmpty, !headings.contains("") else {
                throw fault("columns.\(name)", "headings with letters or digits")
            }
            columns[column] = headings
        }
        if columns[.status] == nil { columns[.status] = Self.usualStatus.map { CSVHeading.plain($0) } }
        guard columns[.date] != nil else { throw fault("columns.date", "headings of the date", "is missing") }
        let hasPair = columns[.debit] != nil && columns[.credit] != nil
        guard columns[.amount] != nil || hasPair else {
            throw fault("columns", "`amount`, or `debit` and `credit`", "has no amounts")
        }
        return columns
    }

    private func required(
        _ columns: [CSVProfile.Column: [String]]
    ) throws(StatementError) -> Set<CSVProfile.Column> {
        var required: Set<CSVProfile.Column> = [.date]
        for name in try words("required") {
            guard let column = CSVProfile.Column(rawValue: name), columns[column] != nil else {
                throw fault("required", columns.keys.map(\.rawValue).sorted().joined(separator: ", "), "names \(name)")
            }
            required.insert(column)
        }
        return required
    }

    private func labels() throws(StatementError) -> [CSVProfile.Label: [String]] {
        var labels = Self.usualLabels
        if let told = object["before"] {
            guard let members = told.members else { throw fault("before", "an object of value → list of labels") }
            for (name, value) in members.sorted(by: { $0.key < $1.key }) {
                guard let label = CSVProfile.Label(rawValue: name) else {
                    let all = CSVProfile.Label.allCases.map(\.rawValue).joined(separator: ", ")
                    throw fault("before.\(name)", all, "is no value")
                }
                labels[label] = try list(value, "before.\(name)") + (labels[label] ?? [])
            }
        }
        return labels.mapValues { $0.map { CSVHeading.plain($0) } }
    }

    // MARK: members

    private func delimiter() throws(StatementError) -> UInt8? {
        switch try text("delimiter") {
        case nil, "detect": return nil
        case ",": return UInt8(ascii: ",")
        case ";": return UInt8(ascii: ";")
        case "|": return UInt8(ascii: "|")
        case "tab", "\t": return 9
        default: throw fault("delimiter", "\",\", \";\", \"|\", \"tab\" or \"detect\"")
        }
    }

    private func currency() throws(StatementError) -> String {
        guard let code = try text("currency") else { return "NGN" }
        guard code.utf8.count == 3, code.utf8.allSatisfy({ (65...90).contains($0) }) else {
            throw fault("currency", "a code of ISO 4217 such as \"NGN\"")
        }
        return code
    }

    private func offset() throws(StatementError) -> Int {
        switch object["utc_offset_minutes"] {
        case nil: return 60
        case .integer(let minutes) where (-840...840).contains(minutes): return Int(minutes)
        default: throw fault("utc_offset_minutes", "minutes from -840 to 840")
        }
    }

    private func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String
    ) throws(StatementError) -> Choice? where Choice.RawValue == String {
        guard let value = object[name] else { return nil }
        guard let text = value.text, let choice = Choice(rawValue: text) else {
            throw fault(name, Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", "))
        }
        return choice
    }

    private func text(_ name: String) throws(StatementError) -> String? {
        guard let value = object[name], !value.isNull else { return nil }
        guard let text = value.text, !text.isEmpty, text.utf8.count <= 200 else {
            throw fault(name, "a text of 200 bytes at most")
        }
        return text
    }

    private func flag(_ name: String) throws(StatementError) -> Bool {
        switch object[name] {
        case nil: return false
        case .bool(let flag): return flag
        default: throw fault(name, "true or false")
        }
    }

    private func words(_ name: String, _ usual: [String] = []) throws(StatementError) -> [String] {
        guard let value = object[name] else { return usual }
        return try list(value, name)
    }

    private func list(_ value: JSONValue, _ name: String) throws(StatementError) -> [String] {
        guard let elements = value.elements, elements.count <= 200 else { throw fault(name, "a list of texts") }
        var texts: [String] = []
        for element in elements {
            guard let text = element.text, text.utf8.count <= 200 else { throw fault(name, "a list of texts") }
            texts.append(text)
        }
        return texts
    }

    private func isSlug(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { (97...122).contains($0) || isDigit($0) || $0 == UInt8(ascii: "-") }
    }

    private func fault(_ member: String, _ allowed: String, _ what: String = "is not what it may be") -> StatementError
    {
        StatementError(.badProfile, "\(file): `\(member)` \(what); allowed: \(allowed).")
    }
}
