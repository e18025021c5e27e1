import Domain

/// How a file of bank statements is written.
public enum StatementFormat: String, Sendable, CaseIterable {
    case csv, ofx, mt940, mt942, camt052, camt053, camt054
}

/// One statement of a file as far as it is known before its first row: a file may hold several, one an account.
public struct StatementHeader: Sendable, Equatable {
    /// NUBAN, IBAN or any other number, as the file writes it without spaces; nil when the file names none.
    public var accountNumber: String?
    public var holderName: String?
    public var accountName: String?
    /// `savings`, `current`, … as far as the file says.
    public var accountType: String?
    /// The bank's own code in the file (BIC, sort code, OFX BANKID).
    public var bankCode: String?
    /// `noCurrency` when the file names none.
    public var currency: Currency
    /// The statement's own number, where it has one.
    public var number: String?
    /// What the file says it covers; nil when only its rows tell.
    public var period: DayWindow?
    public var opening: StatementBalance?

    /// ISO 4217's own code for "no currency": a file, or a part of one, that does not say.
    public static let noCurrency = Currency(code: "XXX")

    public init(accountNumber: String? = nil, currency: Currency) {
        self.accountNumber = accountNumber
        self.currency = currency
    }
}

/// A balance that a statement gives for a day.
public struct StatementBalance: Sendable, Equatable {
    public var amount: Money
    public var on: LocalDate
    public init(amount: Money, on: LocalDate) {
        self.amount = amount
        self.on = on
    }
}

/// What closes a statement; every member may be missing.
public struct StatementClosing: Sendable, Equatable {
    public var closing: StatementBalance?
    public var available: StatementBalance?
    /// Where the period or the opening balance is only known at the end, as in OFX and in CSV.
    public var period: DayWindow?
    public var opening: StatementBalance?
    public init(closing: StatementBalance? = nil) { self.closing = closing }
}

/// One row, with where it stands in the file.
public struct StatementRow: Sendable, Equatable {
    public var transaction: FetchedTransaction
    public var valueOn: LocalDate?
    /// The account owner's reference as the file writes it (`NONREF` and `NOTPROVIDED` too): field 61 of MT940,
    /// EndToEndId, REFNUM or CHECKNUM. `transaction.reference` is what is left when it says nothing.
    public var customerReference: String?
    /// The bank's own reference as the file writes it: field 61 after `//`, AcctSvcrRef, FITID.
    public var bankReference: String?
    /// From 1: the line in a text, the entry in an XML message.
    public var place: Int
    public init(transaction: FetchedTransaction, valueOn: LocalDate? = nil, place: Int) {
        self.transaction = transaction
        self.valueOn = valueOn
        self.place = place
    }
}

/// Something in a file that was passed over and is shown to the person: never silently dropped.
public struct StatementNote: Sendable, Equatable {
    /// What a note is about.
    public enum Kind: String, Sendable, CaseIterable {
        /// A line that is neither a row nor anything else that is known.
        case notUnderstood = "not_understood"
        /// A running balance that does not follow from the one before and the amount.
        case balanceMismatch = "balance_mismatch"
        /// An opening balance that the oldest running balance does not follow from, or that is not what the statement
        /// before closes with.
        case openingMismatch = "opening_mismatch"
        /// Opening balance and rows do not give the closing balance.
        case closingMismatch = "closing_mismatch"
        /// A member that the file must have and does not; the rows were read without it.
        case missing
        /// Bytes that are no text in the file's encoding; each stands as U+FFFD.
        case encoding
    }
    public var kind: Kind
    /// In words, without account numbers and amounts of other rows.
    public var message: String
    public var place: Int?
    public init(_ kind: Kind, _ message: String, place: Int? = nil) {
        self.kind = kind
        self.message = message
        self.place = place
    }
}

/// What a parser tells, in the order of the file.
public enum StatementEvent: Sendable, Equatable {
    case begin(StatementHeader)
    case row(StatementRow)
    case end(StatementClosing)
    case note(StatementNote)
}

/// Reads one format in pieces of any size, so that a large file needs little memory.
///
/// Pieces may be cut anywhere, also within a character. A parser keeps at most one row or element, capped by
/// `StatementLimits`; it never goes back.
public protocol StatementParser: Sendable {
    /// Takes the next piece and tells what it completed.
    mutating func feed(
        _ bytes: UnsafeRawBufferPointer, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError)
    /// The file ends here.
    /// - Throws: `truncated` when something was begun and not ended.
    mutating func finish(_ tell: (StatementEvent) throws(StatementError) -> Void) throws(StatementError)
}

/// What a file may be at most.
public struct StatementLimits: Sendable, Equatable {
    public var bytesMax = 256 << 20
    public var rowsMax = 2_000_000
    public var statementsMax = 1000
    /// Of one line, tag or field.
    public var fieldBytesMax = 64 << 10
    /// Of elements within one another, in XML.
    public var depthMax = 64
    /// Notes beyond it are counted and not kept.
    public var notesMax = 200
    public init() {}
}

/// Why a file is refused as a whole. The description is safe to show to a person and says what to do.
public struct StatementError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, for programs.
    public enum Code: String, Sendable, CaseIterable {
        /// No format is recognised.
        case unknownFormat = "unknown_format"
        /// A PDF, a spreadsheet or a picture under another name.
        case wrongKind = "wrong_kind"
        case empty
        case truncated
        /// It breaks its format's rules where a row's date, amount or sign depends on them.
        case malformed
        /// The bank's own error message in place of a statement.
        case bankError = "bank_error"
        case tooLarge = "too_large"
        /// A zip or XML that unfolds to far more than it is, or is nested without end.
        case bomb
        /// A zip that is locked or damaged, or holds no statement, or several that do not belong together.
        case archive
        case encoding
        /// dd/mm or mm/dd: the person must say.
        case ambiguousDates = "ambiguous_dates"
        /// A CSV for which no profile fits.
        case noProfile = "no_profile"
        /// A profile file with a mistake.
        case badProfile = "bad_profile"
        case noRows = "no_rows"
    }
    public let code: Code
    /// What is wrong and what to do, without the file's content.
    public let message: String
    /// From 1: the line or entry where it is seen.
    public let place: Int?
    public init(_ code: Code, _ message: String, place: Int? = nil) {
        self.code = code
        self.message = message
        self.place = place
    }
    public var description: String {
        place.map { "\(code.rawValue): \(message) (at \($0))" } ?? "\(code.rawValue): \(message)"
    }
}
