/// What exactly was wrong with a bank's answer: one word finer than `ConnectorError.Code`, for those who look at a run.
public enum BankFault: String, Error, Sendable, CaseIterable {
    // The exchange.
    case unreachable
    case timedOut = "timed_out"
    case brokenOff = "broken_off"
    case emptyBody = "empty_body"
    case htmlBody = "html_body"
    case unreadableBody = "unreadable_body"
    case bodyTooLarge = "body_too_large"
    // The pages of a window.
    case pagesEndless = "pages_endless"
    case pageRepeated = "page_repeated"
    case tooManyRows = "too_many_rows"
    // A row.
    case rowUnreadable = "row_unreadable"
    case amountUnreadable = "amount_unreadable"
    case amountTooFine = "amount_too_fine"
    case amountTooLarge = "amount_too_large"
    case currencyChanged = "currency_changed"
    case rowInFuture = "row_in_future"
    case rowOutsideWindow = "row_outside_window"
    case rowRepeated = "row_repeated"
    case rowsOutOfOrder = "rows_out_of_order"
    // Accounts and balances.
    case duplicateAccount = "duplicate_account"
    case duplicateNumber = "duplicate_number"
    case balanceInFuture = "balance_in_future"

    /// For the documents, and for the person who looks at a run.
    public var meaning: String {
        switch self {
        case .unreachable: "The bank's server could not be reached."
        case .timedOut: "The bank did not answer in time, or its answer dripped."
        case .brokenOff: "The connection ended before the whole answer came, or the answer was shorter than it said."
        case .emptyBody: "The answer had no body."
        case .htmlBody: "A web page came in place of data."
        case .unreadableBody: "The body was not the JSON that was expected."
        case .bodyTooLarge: "The body was larger than is taken."
        case .pagesEndless: "The pages of a window did not end."
        case .pageRepeated: "The bank gave the same page again and again."
        case .tooManyRows: "One day has more rows than can be taken."
        case .rowUnreadable: "A row lacks what makes it a transaction."
        case .amountUnreadable: "An amount is no number."
        case .amountTooFine: "An amount has more decimals than its currency; it is never rounded."
        case .amountTooLarge: "An amount is larger than 10^15 of its smallest unit, which no account holds."
        case .currencyChanged: "The currency is not the one that the account has."
        case .rowInFuture: "A row is dated in the future; it is taken when its day has come."
        case .rowOutsideWindow: "A row is not of the days that were asked for."
        case .rowRepeated: "A row came twice with one id; the later word counts."
        case .rowsOutOfOrder: "The rows were not the newest first."
        case .duplicateAccount: "The list of accounts names one account twice; the first counts."
        case .duplicateNumber: "Two accounts have one number."
        case .balanceInFuture: "The balance is dated in the future; it counts as of now."
        }
    }
}
