import Domain
import Testing

struct ErrorTests {
    /// Clients act on these names: one may be added, none may go or change its kind.
    private static let published: [(String, ErrorCode.Kind)] = [
        ("invalid_json", .badRequest), ("missing_field", .badRequest), ("invalid_field", .badRequest),
        ("invalid_date", .badRequest), ("unknown_interval", .badRequest), ("unknown_product", .badRequest),
        ("unknown_institution", .badRequest), ("url_refused", .badRequest), ("not_yet", .badRequest),
        ("step_mismatch", .badRequest), ("no_key", .unauthorized), ("unknown_key", .unauthorized),
        ("revoked_key", .unauthorized), ("wrong_key_kind", .forbidden), ("wrong_environment", .forbidden),
        ("product_not_enabled", .forbidden), ("sandbox_only", .forbidden), ("not_found", .notFound),
        ("no_route", .notFound), ("method_not_allowed", .methodNotAllowed), ("conflict", .conflict),
        ("expired", .conflict), ("idempotency_mismatch", .conflict), ("too_large", .tooLarge),
        ("rate_limited", .rateLimited), ("deadline", .deadline), ("unavailable", .unavailable),
        ("unexpected", .unexpected),
    ]

    @Test("published error names stay, with their kinds", arguments: published.indices)
    func names(row: Int) {
        let (name, kind) = ErrorTests.published[row]
        #expect(ErrorCode.all.first { $0.name == name }?.kind == kind)
    }

    @Test("error names are unique")
    func unique() { #expect(Set(ErrorCode.all.map(\.name)).count == ErrorCode.all.count) }

    @Test("the error for unknown ids and for the ids of others is one text")
    func notFound() {
        #expect(DomainError.notFound("account") == DomainError.notFound("account"))
        #expect(DomainError.missing("x").field == "x")
        #expect(DomainError.invalid("x", "is wrong.").message == "`x` is wrong.")
        #expect(DomainError.invalid("x", "is wrong.").description == "invalid_field: `x` is wrong.")
    }

    @Test("a name that is not known is answered with the nearest one, or with all")
    func spelling() {
        let known = ["event", "types", "connection", "overlap_seconds", "from", "to"]
        for (slip, meant) in [
            ("type", "types"), ("typ", "types"), ("evnet", "event"), ("Types", "types"), ("overlap", "overlap_seconds"),
            ("conection", "connection"), ("form", "from"), ("overlap-second", "overlap_seconds"), ("events", "event"),
        ] {
            let error = DomainError.unknown(slip, known: known)
            #expect(error.code == .invalidField && error.field == slip)
            #expect(error.message == "`\(slip)` is not taken here. Did you mean `\(meant)`?")
        }
        for slip in ["", "x", "format", String(repeating: "types", count: 1000)] {
            let error = DomainError.unknown(slip, known: known)
            #expect(error.message.hasSuffix("Known: `event`, `types`, `connection`, `overlap_seconds`, `from`, `to`."))
            #expect(error.message.utf8.count < 200)
        }
        #expect(DomainError.unknown("a", known: []).message == "`a` is not taken here; leave it out.")
    }

    /// What the engine does after each error of a bank.
    private static let recoveries: [(ConnectorError.Code, ConnectorError.Recovery)] = [
        (.invalidCredentials, .askUser), (.userLocked, .askUser), (.mfaRequired, .askUser), (.mfaFailed, .askUser),
        (.mfaExpired, .askUser), (.userActionRequired, .askUser), (.accessDenied, .askUser),
        (.differentLogin, .askUser), (.alreadyLinked, .askUser), (.mappingRefused, .askUser),
        (.reauthRequired, .askUser), (.consentRevoked, .askUser), (.consentExpired, .askUser),
        (.scopeMissing, .askUser), (.accountNotFound, .stop), (.accountBlocked, .stop), (.rateLimited, .retry),
        (.providerUnavailable, .retry), (.dataIncomplete, .retry), (.notReady, .retry), (.paymentRequired, .stop),
        (.clientMisconfigured, .stop), (.invalidRequest, .stop), (.unsupported, .stop), (.outcomeUnknown, .retry),
        (.protocolViolation, .retry),
    ]

    @Test("every error of a bank has its recovery and its text", arguments: recoveries.indices)
    func recovery(row: Int) {
        let (code, recovery) = ErrorTests.recoveries[row]
        #expect(ConnectorError(code).recovery == recovery)
        #expect(ConnectorError(code).message.hasSuffix("."))
        #expect(ConnectorError(code, "Other words.").description == "\(code.rawValue): Other words.")
    }

    @Test("the table of recoveries is complete")
    func complete() { #expect(ErrorTests.recoveries.map(\.0) == ConnectorError.Code.allCases) }

    @Test("products are known by Okra's names too")
    func products() throws {
        #expect(try Product(wire: "transaction") == .transactions)
        #expect(try Product(wire: "Account") == .accounts)
        let error = #expect(throws: DomainError.self) { try Product(wire: "loans") }
        #expect(error?.code == .unknownProduct)
        #expect(ProductSet(column: "identity,auth,nonsense").names == ["auth", "identity"])
        #expect(ProductSet.all.column == "auth,accounts,balance,transactions,identity")
    }
}
