import Domain

/// Pure: Mono's JSON to Kubewa's values, its failures to the taxonomy. Mono has no codes of its own, only statuses.
enum MonoTranslate {
    // MARK: errors

    static func error(_ error: HTTPTransportError) -> ConnectorError {
        switch error {
        case .cannotConnect, .connectTimedOut, .timedOut, .brokenOff, .malformed, .dns, .proxy:
            ConnectorError(.providerUnavailable, fault: BankFault(error))
        case .tooLarge: ConnectorError(.protocolViolation, fault: .bodyTooLarge)
        case .invalidURL: ConnectorError(.clientMisconfigured, upstreamCode: "invalid_url")
        case .refusedAddress: ConnectorError(.clientMisconfigured, upstreamCode: "refused_address")
        case .notSecure: ConnectorError(.clientMisconfigured, upstreamCode: "not_secure")
        case .tls, .tlsExpired, .tlsName, .tlsAuthorities:
            ConnectorError(.clientMisconfigured, upstreamCode: "tls")
        }
    }

    /// A 404 stands for an account that was unlinked: who asked for something else says so itself.
    static func error(_ reply: HTTPReplyData) -> ConnectorError {
        let code = "http_\(reply.status)"
        let isJSON = isObject(reply.body)
        switch reply.status {
        case 401, 403: return ConnectorError(.clientMisconfigured, upstreamCode: code)
        case 402: return ConnectorError(.paymentRequired, upstreamCode: code)
        case 404, 410: return isJSON ? ConnectorError(.consentRevoked, upstreamCode: code) : unreadable(reply.body)
        case 429:
            let seconds = reply.header("Retry-After").flatMap { Int($0) }
            return ConnectorError(.rateLimited, upstreamCode: code, retryAfterSeconds: seconds)
        case 400, 422: return isJSON ? ConnectorError(.invalidRequest, upstreamCode: code) : unreadable(reply.body)
        case 500...:
            let seconds = reply.header("Retry-After").flatMap { Int($0) }
            return ConnectorError(
                .providerUnavailable, upstreamCode: code, retryAfterSeconds: seconds,
                fault: isJSON ? nil : BankFault(body: reply.body))
        default: return ConnectorError(.protocolViolation, upstreamCode: code, fault: BankFault(body: reply.body))
        }
    }

    private static func isObject(_ body: [UInt8]) -> Bool {
        do { return try JSONValue(parsing: body).members != nil } catch { return false }
    }

    private static func unreadable(_ body: [UInt8]) -> ConnectorError {
        ConnectorError(.protocolViolation, fault: BankFault(body: body))
    }

    // MARK: values

    static func object(_ body: [UInt8]) throws(ConnectorError) -> JSONValue {
        do {
            let value = try JSONValue(parsing: body)
            if value.members != nil { return value }
        } catch {}
        throw unreadable(body)
    }

    /// Ids go into paths: anything but letters, digits, `_` and `-` is none of Mono's.
    static func isID(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                ($0 | 32 >= 97 && $0 | 32 <= 122) || (48...57).contains($0) || $0 == 95 || $0 == 45
            }
    }

    /// Of `{"id": …}` at the top or within `data`: both are seen.
    static func exchanged(_ value: JSONValue) throws(ConnectorError) -> String {
        guard let id = value["data"]?["id"]?.text ?? value["id"]?.text, isID(id) else { throw badRow }
        return id
    }

    static func data(_ value: JSONValue) throws(ConnectorError) -> JSONValue {
        guard let data = value["data"], data.members != nil else { throw badRow }
        return data
    }

    static func text(_ value: JSONValue, _ name: String) throws(ConnectorError) -> String? {
        guard let member = value[name], !member.isNull else { return nil }
        guard let text = member.text else { throw badRow }
        return text.isEmpty ? nil : text
    }

    /// The first of these names that has a text: Mono's answers of different ages spell some members differently.
    static func first(_ value: JSONValue, _ names: String...) throws(ConnectorError) -> String? {
        for name in names {
            if let found = try text(value, name) { return found }
        }
        return nil
    }

    static var badRow: ConnectorError { ConnectorError(.protocolViolation, fault: .rowUnreadable) }

    /// Whole numbers of the smallest unit; a part of one is an error, never rounded.
    static func money(_ value: JSONValue, _ name: String, _ currency: Currency) throws(ConnectorError) -> Money? {
        guard let member = value[name], !member.isNull else { return nil }
        switch member {
        case .integer(let minor): return Money(minor: minor, currency: currency)
        case .decimal(let decimal):
            // Such as `500.0`, or more digits than 64 bits hold.
            let unit = Currency(code: currency.code, scale: 0)
            do throws(MoneyError) {
                return Money(minor: try Money(parsing: "\(decimal)", currency: unit).minor, currency: currency)
            } catch {
                let fault = BankFault(error)
                throw ConnectorError(.protocolViolation, fault.meaning, fault: fault)
            }
        default: throw ConnectorError(.protocolViolation, fault: .amountUnreadable)
        }
    }

    /// In any case; absent is the naira.
    static func currency(_ value: JSONValue, _ otherwise: Currency = .ngn) throws(ConnectorError) -> Currency {
        guard let code = try text(value, "currency")?.uppercased() else { return otherwise }
        guard code.utf8.count == 3, code.utf8.allSatisfy({ (65...90).contains($0) }) else { throw badRow }
        return Currency(code: code)
    }

    // MARK: pages

    static func page(
        _ value: JSONValue, _ currency: Currency, number: Int
    ) throws(ConnectorError) -> FetchPage {
        guard let elements = value["data"]?.elements else { throw badRow }
        var rows: [FetchedTransaction] = []
        for row in elements { rows.append(try transaction(row, currency)) }
        let next = value["meta"]?["next"] ?? value["paging"]?["next"] ?? .null
        // The link itself is not followed: it may lead to any server.
        return FetchPage(rows: rows, nextCursor: next.isNull || rows.isEmpty ? nil : String(number + 1))
    }

    static func transaction(
        _ row: JSONValue, _ accountCurrency: Currency
    ) throws(ConnectorError) -> FetchedTransaction {
        guard row.members != nil else { throw badRow }
        let currency = try currency(row, accountCurrency)
        guard let amount = try money(row, "amount", currency), let date = try text(row, "date"),
            let bookedOn = LocalDate(String(date.prefix(10))),
            let signed = signed(amount, try text(row, "type"))
        else { throw badRow }
        var occurredAt: Instant?
        if date.utf8.count > 10 {
            guard let instant = Instant(iso: date) else { throw badRow }
            // Midnight to the millisecond is a bank that tells the day alone.
            occurredAt = instant.ms % Instant.dayMs == 0 ? nil : instant
        }
        let narration = try text(row, "narration")
        return FetchedTransaction(
            upstreamID: try first(row, "id", "_id"), status: .booked, amount: signed, bookedOn: bookedOn,
            occurredAt: occurredAt, text: narration ?? "No narration",
            runningBalance: try money(row, "balance", currency))
    }

    /// `debit` is out of the account. A debit may come with a sign of its own; a credit must not.
    private static func signed(_ amount: Money, _ type: String?) -> Money? {
        switch type?.lowercased() {
        case "credit": return amount.minor >= 0 ? amount : nil
        case "debit":
            guard amount.minor != Int64.min else { return nil }
            return Money(minor: amount.minor > 0 ? -amount.minor : amount.minor, currency: amount.currency)
        default: return nil
        }
    }

    // MARK: people

    static func identity(_ data: JSONValue) throws(ConnectorError) -> IdentityDetails {
        var found = IdentityDetails()
        let texts: [(String, WritableKeyPath<IdentityDetails, String?>)] = [
            ("full_name", \.fullName), ("first_name", \.firstName), ("middle_name", \.middleName),
            ("last_name", \.lastName), ("bvn", \.bvn), ("nin", \.nin), ("dob", \.dob), ("gender", \.gender),
            ("marital_status", \.maritalStatus), ("state_of_origin", \.stateOfOrigin),
            ("lga_of_origin", \.lgaOfOrigin), ("nationality", \.nationality),
        ]
        for (name, path) in texts { found[keyPath: path] = try text(data, name) }
        // The last four digits alone are no number to know a person by.
        if let bvn = found.bvn, bvn.utf8.count != 11 { found.bvn = nil }
        for (name, path) in [("email", \IdentityDetails.emails), ("phone", \.phones), ("phone_2", \.phones)] {
            if let value = try text(data, name) { found[keyPath: path].append(value) }
        }
        for name in ["address_line1", "address_line2"] {
            if let value = try text(data, name) { found.addresses.append(value) }
        }
        return found
    }
}
