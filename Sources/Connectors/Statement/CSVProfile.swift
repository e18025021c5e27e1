/// How the statements of one bank look as CSV. Profiles are data: built in, or files of the operator's.
public struct CSVProfile: Sendable, Equatable {
    /// What a column holds.
    public enum Column: String, Sendable, CaseIterable {
        case date, time, valueDate = "value_date", text, counterparty, reference, debit, credit, amount, direction
        case balance, currency, account, channel, branch
        /// Whether the line is booked, pending, or did not happen.
        case status
    }

    /// What stands before the headings, as a label with its value behind it.
    public enum Label: String, Sendable, CaseIterable {
        case accountNumber = "account_number"
        case holderName = "holder_name"
        case accountType = "account_type"
        case period, from, to, opening, closing, currency
    }

    /// The order of day, month and year, where a file's dates do not tell.
    public enum Dates: String, Sendable, CaseIterable {
        case dayFirst = "day_first"
        case monthFirst = "month_first"
        case yearFirst = "year_first"
        /// The person is asked.
        case ask
    }

    /// The mark before the decimals.
    public enum Decimal: String, Sendable, CaseIterable {
        case point = "."
        case comma = ","
        /// The file's amounts tell; a point where they do not.
        case detect
    }

    /// Which sign money into the account has in a column `amount` that says nothing else.
    public enum Sign: String, Sendable, CaseIterable {
        case asWritten = "as_written"
        case reversed
    }

    /// How rows follow each other in time.
    public enum Order: String, Sendable, CaseIterable {
        case oldestFirst = "oldest_first"
        case newestFirst = "newest_first"
        case detect
    }

    /// What it is called by.
    public internal(set) var slug: String
    /// For people.
    public internal(set) var name: String
    /// The slug of the institution whose export it is; nil for a general one.
    public internal(set) var institution: String?
    /// A general profile is used only where no bank's own fits.
    public internal(set) var isGeneral = false
    /// Byte between fields; nil finds out.
    public internal(set) var delimiter: UInt8?
    /// Headings of each column as `CSVHeading.plain` writes them; the first that a file has is taken.
    public internal(set) var columns: [Column: [String]] = [:]
    /// Columns without which the profile does not fit.
    public internal(set) var required: Set<Column> = [.date]
    /// One of them stands somewhere before or in the headings; empty asks for none.
    public internal(set) var words: [String] = []
    public internal(set) var labels: [Label: [String]] = [:]
    /// Rows without a transaction that begin with one of these are known, and passed over.
    public internal(set) var skip: [String] = []
    public internal(set) var debitWords: [String] = []
    public internal(set) var creditWords: [String] = []
    /// What the column `status` says, as `CSVHeading.plain` writes it.
    public internal(set) var bookedWords: [String] = []
    public internal(set) var pendingWords: [String] = []
    /// Of payments that did not happen: their lines are left out, with a note.
    public internal(set) var failedWords: [String] = []
    public internal(set) var dates = Dates.ask
    public internal(set) var decimal = Decimal.detect
    public internal(set) var sign = Sign.asWritten
    public internal(set) var order = Order.detect
    public internal(set) var currency = "NGN"
    public internal(set) var utcOffsetMinutes = 60

    init(slug: String, name: String) {
        self.slug = slug
        self.name = name
    }
}

/// Headings and labels as they are compared: letters and digits alone, small.
enum CSVHeading {
    static func plain(_ bytes: some Sequence<UInt8>) -> String {
        var plain: [UInt8] = []
        for byte in bytes where isLetter(byte) || isDigit(byte) { plain.append(isLetter(byte) ? byte | 32 : byte) }
        return String(decoding: plain, as: UTF8.self)
    }

    static func plain(_ text: String) -> String { plain(text.utf8) }
}
