/// What went wrong, by name. An open list: a later version may add codes, clients keep the ones they know.
public struct ErrorCode: Hashable, Sendable, CustomStringConvertible {
    public let name: String
    public let kind: Kind

    /// What the caller can do about it; `Web` gives each kind its status.
    public enum Kind: Sendable, CaseIterable {
        case badRequest, unauthorized, forbidden, notFound, gone, conflict, tooLarge, methodNotAllowed, rateLimited
        case deadline, unavailable, unexpected
    }

    private init(_ name: String, _ kind: Kind) {
        self.name = name
        self.kind = kind
    }

    public var description: String { name }

    public static let invalidJSON = ErrorCode("invalid_json", .badRequest)
    public static let missingField = ErrorCode("missing_field", .badRequest)
    public static let invalidField = ErrorCode("invalid_field", .badRequest)
    public static let invalidDate = ErrorCode("invalid_date", .badRequest)
    public static let unknownInterval = ErrorCode("unknown_interval", .badRequest)
    public static let unknownProduct = ErrorCode("unknown_product", .badRequest)
    public static let unknownInstitution = ErrorCode("unknown_institution", .badRequest)
    public static let urlRefused = ErrorCode("url_refused", .badRequest)
    public static let notYet = ErrorCode("not_yet", .badRequest)
    public static let stepMismatch = ErrorCode("step_mismatch", .badRequest)
    public static let noKey = ErrorCode("no_key", .unauthorized)
    public static let unknownKey = ErrorCode("unknown_key", .unauthorized)
    public static let revokedKey = ErrorCode("revoked_key", .unauthorized)
    public static let wrongKeyKind = ErrorCode("wrong_key_kind", .forbidden)
    public static let wrongEnvironment = ErrorCode("wrong_environment", .forbidden)
    public static let productNotEnabled = ErrorCode("product_not_enabled", .forbidden)
    public static let sandboxOnly = ErrorCode("sandbox_only", .forbidden)
    public static let originRefused = ErrorCode("origin_refused", .forbidden)
    public static let notFound = ErrorCode("not_found", .notFound)
    public static let unsupported = ErrorCode("unsupported", .notFound)
    public static let linkUnknown = ErrorCode("link_unknown", .notFound)
    public static let linkExpired = ErrorCode("link_expired", .gone)
    public static let linkUsed = ErrorCode("link_used", .gone)
    public static let noRoute = ErrorCode("no_route", .notFound)
    public static let methodNotAllowed = ErrorCode("method_not_allowed", .methodNotAllowed)
    public static let conflict = ErrorCode("conflict", .conflict)
    public static let expired = ErrorCode("expired", .conflict)
    public static let idempotencyMismatch = ErrorCode("idempotency_mismatch", .conflict)
    public static let tooLarge = ErrorCode("too_large", .tooLarge)
    public static let rateLimited = ErrorCode("rate_limited", .rateLimited)
    public static let refreshCooldown = ErrorCode("refresh_cooldown", .rateLimited)
    public static let deadline = ErrorCode("deadline", .deadline)
    public static let notReady = ErrorCode("not_ready", .unavailable)
    public static let unavailable = ErrorCode("unavailable", .unavailable)
    public static let unexpected = ErrorCode("unexpected", .unexpected)

    /// Why an uploaded statement is refused, as `StatementError` names it, behind `statement_`.
    public static func statement(_ reason: String) -> ErrorCode { ErrorCode("statement_" + reason, .badRequest) }

    /// Every reason for which a statement is refused.
    static let statementReasons = [
        "unknown_format", "wrong_kind", "empty", "truncated", "malformed", "bank_error", "too_large", "bomb", "archive",
        "encoding", "ambiguous_dates", "no_profile", "bad_profile", "no_rows", "other_account",
    ]

    /// For the documents and their drift check.
    public static let all: [ErrorCode] =
        [
            invalidJSON, missingField, invalidField, invalidDate, unknownInterval, unknownProduct, unknownInstitution,
            urlRefused, notYet, stepMismatch, noKey, unknownKey, revokedKey, wrongKeyKind, wrongEnvironment,
            productNotEnabled, sandboxOnly, originRefused, notFound, unsupported, linkUnknown, linkExpired, linkUsed,
            noRoute, methodNotAllowed, conflict, expired, idempotencyMismatch, tooLarge, rateLimited, refreshCooldown,
            deadline, notReady, unavailable, unexpected,
        ] + statementReasons.map(statement)
}
