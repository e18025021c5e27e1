import Connectors
import Domain

/// Pure: the bank's JSON to Kubewa's values, its errors to the taxonomy.
enum TemplateTranslate {
    // MARK: errors

    static func error(_ error: HTTPTransportError) -> ConnectorError {
        switch error {
        case .cannotConnect, .connectTimedOut, .timedOut, .brokenOff, .malformed, .dns, .proxy:
            ConnectorError(.providerUnavailable, fault: BankFault(error))
        case .tooLarge: ConnectorError(.protocolViolation, fault: .bodyTooLarge)
        case .invalidURL, .refusedAddress, .notSecure, .tls, .tlsExpired, .tlsName, .tlsAuthorities:
            ConnectorError(.clientMisconfigured)
        }
    }

    /// The bank's own codes; what is not among them is judged by its status.
    private static let known: [String: ConnectorError.Code] = [
        "wrong_password": .invalidCredentials, "locked": .userLocked, "no_account": .accountNotFound,
    ]

    static func error(_ reply: HTTPReplyData) -> ConnectorError {
        let retryAfter = reply.header("Retry-After").flatMap { Int($0) }
        var code: String?
        var fault: BankFault?
        do throws(ConnectorError) {
            code = try TemplateReader(reply.body).optionalText("code")
        } catch {
            fault = error.fault
        }
        if let code, let known = known[code] { return ConnectorError(known, upstreamCode: code) }
        switch reply.status {
        // The engine tries once to renew the access, then it is really over.
        case 401: return ConnectorError(.reauthRequired, upstreamCode: ConnectorError.tokenExpired)
        case 403: return ConnectorError(.accessDenied, upstreamCode: code)
        case 429: return ConnectorError(.rateLimited, upstreamCode: code, retryAfterSeconds: retryAfter)
        case 500...:
            return ConnectorError(
                .providerUnavailable, upstreamCode: code, retryAfterSeconds: retryAfter, fault: fault)
        default: return ConnectorError(.protocolViolation, upstreamCode: code, fault: fault)
        }
    }

    // MARK: values

    static func accounts(_ reply: TemplateReader) throws(ConnectorError) -> [FetchedAccount] {
        try reply.list("accounts").map { (row) throws(ConnectorError) in
            FetchedAccount(
                upstreamID: try row.text("id"), number: try row.optionalText("number"),
                name: try row.optionalText("name"), type: try row.optionalText("type"), currency: try currency(row))
        }
    }

    static func balance(_ reply: TemplateReader) throws(ConnectorError) -> FetchedBalance {
        let currency = try currency(reply)
        return FetchedBalance(
            ledger: Money(minor: try reply.integer("ledger_minor"), currency: currency),
            available: try reply.optionalInteger("available_minor").map { Money(minor: $0, currency: currency) },
            asOf: try reply.read("as_of", Instant.init(iso:)))
    }

    /// A row that cannot be read makes the page an error: a short page would look like rows that are gone.
    static func page(_ reply: TemplateReader) throws(ConnectorError) -> FetchPage {
        let rows = try reply.list("transactions").map { (row) throws(ConnectorError) in
            let currency = try currency(row)
            return FetchedTransaction(
                upstreamID: try row.text("id"), status: .booked,
                amount: Money(minor: try row.integer("amount_minor"), currency: currency),
                bookedOn: try row.read("booked_on") { LocalDate($0) }, text: try row.text("text"),
                reference: try row.optionalText("reference"),
                runningBalance: try row.optionalInteger("balance_minor").map { Money(minor: $0, currency: currency) })
        }
        return FetchPage(rows: rows, nextCursor: try reply.optionalText("next"))
    }

    private static func currency(_ row: TemplateReader) throws(ConnectorError) -> Currency {
        Currency(code: try row.text("currency"))
    }
}
