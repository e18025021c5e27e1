import Domain

/// Pure: the sandbox bank's JSON to Kubewa's values, its errors to the taxonomy.
enum SandboxTranslate {
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

    static func error(_ reply: HTTPReplyData) -> ConnectorError {
        let retryAfter = reply.header("Retry-After").flatMap { Int($0) }
        let code = errorCode(reply.body)
        if reply.status == 429 {
            return ConnectorError(.rateLimited, upstreamCode: code, retryAfterSeconds: retryAfter)
        }
        if code == "bad_scenario" {
            return ConnectorError(.invalidCredentials, message(reply.body), upstreamCode: code)
        }
        if let code, let known = known[code] {
            let upstream = known == .reauthRequired && code != "reauth_required" ? ConnectorError.tokenExpired : code
            return ConnectorError(known, upstreamCode: upstream, retryAfterSeconds: retryAfter)
        }
        let fault = code == nil ? BankFault(body: reply.body) : nil
        if reply.status >= 500 {
            return ConnectorError(
                .providerUnavailable, upstreamCode: code, retryAfterSeconds: retryAfter, fault: fault)
        }
        return ConnectorError(.protocolViolation, upstreamCode: code, fault: fault)
    }

    static func errorCode(_ body: [UInt8]) -> String? {
        do { return try object(body)["error"]?["code"]?.text } catch { return nil }
    }

    private static func message(_ body: [UInt8]) -> String? {
        do { return try object(body)["error"]?["message"]?.text } catch { return nil }
    }

    static func attemptsLeft(_ body: [UInt8]) -> Int? {
        do {
            guard case .integer(let left)? = try object(body)["error"]?["attempts_left"] else { return nil }
            return Int(exactly: left)
        } catch {
            return nil
        }
    }

    private static let known: [String: ConnectorError.Code] = [
        "invalid_credentials": .invalidCredentials, "user_locked": .userLocked, "answer_refused": .mfaFailed,
        "choice_refused": .mfaFailed, "challenge_expired": .mfaExpired, "token_expired": .reauthRequired,
        "invalid_token": .reauthRequired, "reauth_required": .reauthRequired, "consent_revoked": .consentRevoked,
        "consent_expired": .consentExpired, "account_not_found": .accountNotFound, "bad_request": .invalidRequest,
        "bad_cursor": .invalidRequest, "try_again": .providerUnavailable, "unavailable": .providerUnavailable,
        "bank_error": .providerUnavailable, "no_such_environment": .clientMisconfigured,
        "unknown_institution": .unsupported, "rate_limited": .rateLimited, "account_blocked": .accountBlocked,
        "user_action_required": .userActionRequired, "data_incomplete": .dataIncomplete, "not_ready": .notReady,
    ]

    // MARK: values

    static func object(_ body: [UInt8]) throws(ConnectorError) -> JSONValue {
        do {
            let value = try JSONValue(parsing: body)
            if value.members != nil { return value }
        } catch {}
        throw ConnectorError(.protocolViolation, fault: BankFault(body: body))
    }

    static func text(_ value: JSONValue, _ name: String) throws(ConnectorError) -> String {
        guard let text = value[name]?.text else { throw unreadable }
        return text
    }

    static func array(_ value: JSONValue, _ name: String) throws(ConnectorError) -> [JSONValue] {
        guard let elements = value[name]?.elements else { throw unreadable }
        return elements
    }

    /// nil when the member is null or absent; an error when it is there and unreadable.
    static func optional<T>(
        _ value: JSONValue, _ name: String, _ read: (String) -> T?
    ) throws(ConnectorError) -> T? {
        guard let member = value[name], !member.isNull else { return nil }
        guard let text = member.text, let found = read(text) else { throw unreadable }
        return found
    }

    static func required<T>(_ value: JSONValue, _ name: String, _ read: (String) -> T?) throws(ConnectorError) -> T {
        guard let found = try optional(value, name, read) else { throw unreadable }
        return found
    }

    static func string(_ value: JSONValue, _ name: String) throws(ConnectorError) -> String? {
        try optional(value, name) { $0 }
    }

    static var unreadable: ConnectorError { ConnectorError(.protocolViolation, fault: .rowUnreadable) }

    /// Amounts are text; a finer one than its currency has is never rounded.
    static func money(
        _ value: JSONValue, _ name: String, _ currency: Currency
    ) throws(ConnectorError) -> Money? {
        guard let member = value[name], !member.isNull else { return nil }
        guard let text = member.text else { throw ConnectorError(.protocolViolation, fault: .amountUnreadable) }
        do throws(MoneyError) {
            return try Money(parsing: text, currency: currency)
        } catch {
            let fault = BankFault(error)
            throw ConnectorError(.protocolViolation, fault.meaning, fault: fault)
        }
    }

    /// Any code of three capitals; whether it is the account's is the engine's to judge.
    static func currency(_ value: JSONValue) throws(ConnectorError) -> Currency {
        try required(value, "currency") { code in
            code.utf8.count == 3 && code.utf8.allSatisfy { (65...90).contains($0) } ? Currency(code: code) : nil
        }
    }

    static func accounts(_ value: JSONValue) throws(ConnectorError) -> [FetchedAccount] {
        var accounts: [FetchedAccount] = []
        for row in try array(value, "accounts") {
            guard case .bool(let isActive)? = row["active"] else { throw ConnectorError(.protocolViolation) }
            accounts.append(
                FetchedAccount(
                    upstreamID: try text(row, "id"), number: try string(row, "number"), name: try string(row, "name"),
                    holderName: try string(row, "holder"), type: try string(row, "type"), currency: try currency(row),
                    isActive: isActive))
        }
        return accounts
    }

    static func balance(_ value: JSONValue) throws(ConnectorError) -> FetchedBalance {
        let currency = try currency(value)
        return FetchedBalance(
            ledger: try money(value, "ledger", currency), available: try money(value, "available", currency),
            asOf: try required(value, "as_of", Instant.init(iso:)))
    }

    static func page(_ value: JSONValue) throws(ConnectorError) -> FetchPage {
        var rows: [FetchedTransaction] = []
        for row in try array(value, "transactions") { rows.append(try transaction(row)) }
        return FetchPage(rows: rows, nextCursor: try string(value, "next_cursor"))
    }

    static func transaction(_ row: JSONValue) throws(ConnectorError) -> FetchedTransaction {
        let currency = try currency(row)
        guard let amount = try money(row, "amount", currency) else { throw unreadable }
        return FetchedTransaction(
            upstreamID: try string(row, "id"),
            status: try required(row, "status") { $0 == "removed" ? nil : TransactionStatus(rawValue: $0) },
            amount: amount, bookedOn: try required(row, "booked_on") { LocalDate($0) },
            occurredAt: try optional(row, "occurred_at", Instant.init(iso:)), text: try text(row, "narration"),
            counterparty: try string(row, "counterparty"), reference: try string(row, "reference"),
            channel: try string(row, "channel"), branch: try string(row, "branch"), code: try string(row, "code"),
            runningBalance: try money(row, "running_balance", currency))
    }

    static func identity(_ value: JSONValue) throws(ConnectorError) -> IdentityDetails {
        guard let row = value["identity"], row.members != nil else { throw ConnectorError(.protocolViolation) }
        var found = IdentityDetails()
        let texts: [(String, WritableKeyPath<IdentityDetails, String?>)] = [
            ("full_name", \.fullName), ("first_name", \.firstName), ("middle_name", \.middleName),
            ("last_name", \.lastName), ("bvn", \.bvn), ("nin", \.nin), ("dob", \.dob), ("gender", \.gender),
            ("marital_status", \.maritalStatus), ("nationality", \.nationality), ("lga_of_origin", \.lgaOfOrigin),
            ("lga_of_residence", \.lgaOfResidence), ("state_of_origin", \.stateOfOrigin),
            ("state_of_residence", \.stateOfResidence), ("level_of_account", \.levelOfAccount),
            ("enrollment_bank", \.enrollmentBank), ("enrollment_branch", \.enrollmentBranch),
            ("registration_date", \.registrationDate),
        ]
        for (name, path) in texts { found[keyPath: path] = try string(row, name) }
        let lists: [(String, WritableKeyPath<IdentityDetails, [String]>)] = [
            ("emails", \.emails), ("phones", \.phones), ("addresses", \.addresses), ("aliases", \.aliases),
            ("next_of_kins", \.nextOfKins), ("photo_urls", \.photoURLs),
        ]
        for (name, path) in lists where row[name] != nil {
            found[keyPath: path] = try array(row, name).compactMap(\.text)
        }
        return found
    }
}
