/// An error whose message may be shown to a customer: it says what is wrong and what to do.
public struct DomainError: Error, Sendable, Equatable, CustomStringConvertible {
    public let code: ErrorCode
    public let message: String
    /// The member of the request that is meant, if one is.
    public let field: String?
    /// When the same request will be taken, and in how many seconds that is.
    public private(set) var retry: Retry?

    /// When something may be asked for again.
    public struct Retry: Sendable, Equatable {
        public let at: Instant
        public let seconds: Int64
    }

    public init(_ code: ErrorCode, _ message: String, field: String? = nil) {
        self.code = code
        self.message = message
        self.field = field
    }

    public var description: String { "\(code): \(message)" }

    /// For a caller who knows the member by another name.
    public func renaming(_ names: [String: String]) -> DomainError {
        guard let field, let name = names[field] else { return self }
        return DomainError(code, message.replacing("`\(field)`", with: "`\(name)`"), field: name)
    }

    /// For a caller who knows members by other names: all that the message names.
    public func naming(_ names: [String: String]) -> DomainError {
        let pieces = message.split(separator: "`", omittingEmptySubsequences: false)
        // Between backquotes stand the second piece, the fourth and so on.
        let told = pieces.enumerated().map { $0 % 2 == 1 ? names[String($1)] ?? String($1) : String($1) }
        return DomainError(code, told.joined(separator: "`"), field: field.map { names[$0] ?? $0 })
    }

    /// What was asked for is fresh; a bank is not asked again before `next`.
    public static func cooldown(until next: Instant, now: Instant) -> DomainError {
        let seconds = max(1, (next - now + 999) / 1000)
        var error = DomainError(
            .refreshCooldown,
            "This was fetched just now and can be read. The bank may be asked again at \(next.iso), in \(seconds) s.")
        error.retry = Retry(at: next, seconds: seconds)
        return error
    }

    /// A bank, or what a bank takes of one connection, leaves no call before `until`.
    public static func busy(until: Instant, now: Instant) -> DomainError {
        let seconds = max(1, (until - now + 999) / 1000)
        var error = DomainError(
            .rateLimited, "The bank takes no more calls of this kind before \(until.iso), in \(seconds) s.")
        error.retry = Retry(at: until, seconds: seconds)
        return error
    }

    /// Unknown ids and the ids of others get this one answer.
    public static func notFound(_ what: String) -> DomainError {
        DomainError(.notFound, "There is no such \(what) here. Check the id, and that the key is of its environment.")
    }

    /// `missingField`: the member must be sent and was not.
    public static func missing(_ field: String) -> DomainError {
        DomainError(.missingField, "`\(field)` is required.", field: field)
    }

    /// `invalidField`: `why` follows the member's name and ends the sentence, as in "must be a day.".
    public static func invalid(_ field: String, _ why: String) -> DomainError {
        DomainError(.invalidField, "`\(field)` \(why)", field: field)
    }
}
