/// The statements that people upload, as the bank that the file connector asks.
///
/// A book is what one connection was fed with: it begins with the upload that it was linked by, whose id it has. Every
/// method works inside one environment.
public protocol StatementBook: Sendable {
    /// What was read of an upload of this session; nil when there is none that waits for its person.
    func preview(upload: String, session: String, environmentID: Int64) async throws -> StatementPreview?

    /// Takes the person's word. The same word twice is the same.
    /// - Returns: nil when there is no such upload (any more); else the accounts, or what is wrong with the answer.
    func confirm(
        upload: String, session: String, _ choice: StatementChoice, environmentID: Int64
    ) async throws -> StatementConfirmation?

    /// Drops an upload that was not confirmed.
    func discard(upload: String, session: String, environmentID: Int64) async throws

    /// Whether the book has a statement that was confirmed, and was not ended.
    func isOpen(book: String, environmentID: Int64) async throws -> Bool

    /// What the newest statement closes with; nil when no statement of the account was confirmed.
    func balance(book: String, account: String, environmentID: Int64) async throws -> FetchedBalance?

    /// Rows that wait to be taken over, newest first.
    /// - Parameters:
    ///   - account: the account's key, for the oldest upload that waits; or `key/upload` for that one.
    ///   - cursor: what the page before gave.
    func page(
        book: String, account: String, window: DayWindow, cursor: String?, environmentID: Int64
    ) async throws -> FetchPage

    /// Forgets the book with all that waits.
    func end(book: String, environmentID: Int64) async throws
}

/// What came of a person's word to a preview.
public enum StatementConfirmation: Sendable, Equatable {
    case confirmed([FetchedAccount])
    /// The preview again, with its `problem`.
    case asked(StatementPreview)
}
