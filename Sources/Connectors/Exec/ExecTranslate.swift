import Domain

/// Pure: a program's JSON to Kubewa's values, its errors and faults to the taxonomy.
enum ExecTranslate {
    static let accountsMax = 1000
    static let rowsMax = 20_000

    // MARK: errors

    static func error(_ fault: ProgramFault) -> ConnectorError {
        switch fault {
        case .cannotStart(let problem): unavailable("program_not_started:\(problem.rawValue)", .unreachable)
        case .slowStart: unavailable("program_slow_start", .timedOut)
        case .died: unavailable("program_died", .brokenOff)
        case .timedOut: unavailable("program_timed_out", .timedOut)
        case .busy: unavailable("program_busy", .timedOut)
        case .resting(let seconds):
            ConnectorError(
                .providerUnavailable, upstreamCode: "program_resting", retryAfterSeconds: seconds, fault: .unreachable)
        case .stopped: unavailable("program_stopped", .unreachable)
        case .wrongGreeting: violation("program_wrong_greeting", .unreadableBody)
        case .otherVersion: violation("program_other_version", .unreadableBody)
        case .garbage: violation("program_garbage", .unreadableBody)
        case .lineTooLong: violation("program_line_too_long", .bodyTooLarge)
        case .flooded: violation("program_flooded", .bodyTooLarge)
        }
    }

    private static func unavailable(_ code: String, _ fault: BankFault) -> ConnectorError {
        ConnectorError(.providerUnavailable, upstreamCode: code, fault: fault)
    }

    private static func violation(_ code: String, _ fault: BankFault) -> ConnectorError {
        ConnectorError(.protocolViolation, upstreamCode: code, fault: fault)
    }

    /// What the program itself says went wrong.
    /// - Parameter mask: knows what the request held.
    static func error(_ reader: ExecReader, _ mask: SecretMask) throws(ConnectorError) -> ConnectorError {
        let code = try reader.required("code", ConnectorError.Code.init(rawValue:))
        let message = try reader.optionalText("message", bytesMax: 1000).map { String(mask.maskTold($0).prefix(300)) }
        let upstream = try reader.optionalText("upstream_code").flatMap { upstreamCode($0, mask) }
        let seconds = try reader.optionalInteger("retry_after_seconds").map { Int(min(max($0, 0), 86_400)) }
        return ConnectorError(
            code, message, upstreamCode: upstream, retryAfterSeconds: seconds,
            isOfConnection: try reader.bool("of_connection", or: false))
    }

    private static let codeBytesMax = 80

    /// A word of the bank's that people look up. It is kept and shown, so what is no word is left out: a sentence may
    /// say anything of a person, and so may a long number.
    private static func upstreamCode(_ text: String, _ mask: SecretMask) -> String? {
        let isWord = text.utf8.allSatisfy { byte in
            (97...122).contains(byte | 32) || (48...57).contains(byte) || "_.:-".utf8.contains(byte)
        }
        guard isWord, (1...codeBytesMax).contains(text.utf8.count), mask.maskTold(text) == text else { return nil }
        return text
    }

    /// The `result` of an answer; an `error` of it is thrown.
    static func result(_ line: [UInt8], _ mask: @autoclosure () -> SecretMask) throws(ConnectorError) -> ExecReader {
        let answer: JSONValue
        do { answer = try JSONValue(parsing: line) } catch { throw violation("program_garbage", BankFault(body: line)) }
        let reader = ExecReader(answer)
        if let told = try reader.optionalObject("error") { throw try error(told, mask()) }
        // Places are told within the result.
        return ExecReader(try reader.object("result").value)
    }

    // MARK: linking

    static func progress(
        _ reader: ExecReader, _ mask: @autoclosure () -> SecretMask
    ) throws(ConnectorError) -> LinkProgress {
        let state = try ExecMessage.wrap(reader.value["state"] ?? .null, "state")
        let step = try step(try reader.object("step"), mask())
        guard step == .done else { return LinkProgress(step: step, state: state) }
        let linked = try reader.object("linked")
        let accounts = try accounts(linked)
        guard !accounts.isEmpty else { throw linked.wrong("accounts") }
        let access = LinkedAccess(
            grant: try grant(linked), accounts: accounts, upstreamUserID: try linked.optionalText("user_id"),
            consentExpiresAt: try linked.optional("consent_expires_at", Instant.init(iso:)))
        return LinkProgress(step: .done, state: state, linked: access)
    }

    static func grant(_ reader: ExecReader) throws(ConnectorError) -> Grant {
        guard let grant = reader.value["grant"], !grant.isNull else { throw reader.wrong("grant") }
        return Grant(bytes: try ExecMessage.wrap(grant, "grant"))
    }

    static func step(_ reader: ExecReader, _ mask: @autoclosure () -> SecretMask) throws(ConnectorError) -> Step {
        switch try reader.text("kind") {
        case "form": return .form(try form(reader))
        case "select_accounts":
            var choices: [Step.AccountChoice] = []
            for choice in try reader.objects("accounts", most: accountsMax) {
                choices.append(
                    Step.AccountChoice(
                        upstreamID: try choice.text("id"), name: try choice.optionalText("name") ?? "",
                        mask: String((try choice.optionalText("mask") ?? "").suffix(4)),
                        type: try choice.optionalText("type")))
            }
            guard !choices.isEmpty, Set(choices.map(\.upstreamID)).count == choices.count else {
                throw reader.wrong("accounts")
            }
            return .selectAccounts(choices)
        case "wait":
            let pause = try reader.optionalInteger("poll_after_ms") ?? 2000
            return .wait(
                reason: try reader.optionalText("reason", bytesMax: 500) ?? "",
                pollAfterMs: min(max(pause, 500), 60_000))
        case "redirect": return .redirect(url: try reader.required("url", address))
        case "done": return .done
        case "failed": return .failed(try error(reader, mask()))
        default: throw reader.wrong("kind")
        }
    }

    /// Where a person may be sent.
    private static func address(_ text: String) -> String? {
        let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        let isSafe = ["https://", "http://127.0.0.1:", "http://localhost:"].contains { text.hasPrefix($0) }
        return isPlain && isSafe ? text : nil
    }

    private static func form(_ reader: ExecReader) throws(ConnectorError) -> Step.Form {
        var fields: [Step.Field] = []
        for field in try reader.objects("fields", most: 20) {
            let kind = try field.required("kind", Step.Field.Kind.init(rawValue:))
            let choices = try field.texts("choices", most: 500)
            guard kind != .select || !choices.isEmpty else { throw field.wrong("choices") }
            fields.append(
                Step.Field(
                    key: try field.required("key", key), kind: kind, label: try field.text("label", bytesMax: 200),
                    choices: choices))
        }
        guard !fields.isEmpty, Set(fields.map(\.key)).count == fields.count else { throw reader.wrong("fields") }
        let left = try reader.optionalInteger("attempts_left")
        guard left.map({ (0...1000).contains($0) }) ?? true else { throw reader.wrong("attempts_left") }
        return Step.Form(
            name: try reader.required("name", key), prompt: try reader.text("prompt", bytesMax: 1000), fields: fields,
            attemptsLeft: left.map(Int.init), problem: try reader.optionalText("problem", bytesMax: 1000))
    }

    /// Names that pages and tests can rely on.
    private static func key(_ text: String) -> String? {
        let isWord = text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }
        return isWord && text.utf8.count <= 40 && text.utf8.first.map { (97...122).contains($0) } == true ? text : nil
    }

    // MARK: data

    static func accounts(_ reader: ExecReader) throws(ConnectorError) -> [FetchedAccount] {
        var accounts: [FetchedAccount] = []
        for row in try reader.objects("accounts", most: accountsMax) {
            accounts.append(
                FetchedAccount(
                    upstreamID: try row.text("id"), number: try row.optionalText("number"),
                    name: try row.optionalText("name"), holderName: try row.optionalText("holder"),
                    type: try row.optionalText("type"), currency: try row.currency(),
                    isActive: try row.bool("active", or: true)))
        }
        return accounts
    }

    static func balance(_ reader: ExecReader, at now: Instant) throws(ConnectorError) -> FetchedBalance {
        let currency = try reader.currency()
        return FetchedBalance(
            ledger: try reader.optionalMoney("ledger_minor", currency),
            available: try reader.optionalMoney("available_minor", currency),
            asOf: try reader.optional("as_of", Instant.init(iso:)) ?? now)
    }

    static func page(_ reader: ExecReader) throws(ConnectorError) -> FetchPage {
        var rows: [FetchedTransaction] = []
        for row in try reader.objects("transactions", most: rowsMax) {
            let currency = try row.currency()
            rows.append(
                FetchedTransaction(
                    upstreamID: try row.optionalText("id"),
                    status: try row.optional("status", status) ?? .booked,
                    amount: try row.money("amount_minor", currency),
                    bookedOn: try row.required("booked_on") { LocalDate($0) },
                    occurredAt: try row.optional("occurred_at", Instant.init(iso:)),
                    text: try row.text("description"), counterparty: try row.optionalText("counterparty"),
                    reference: try row.optionalText("reference"), channel: try row.optionalText("channel"),
                    branch: try row.optionalText("branch"), code: try row.optionalText("code"),
                    runningBalance: try row.optionalMoney("running_balance_minor", currency),
                    supersedes: try row.optionalText("supersedes")))
        }
        return FetchPage(rows: rows, nextCursor: try reader.optionalText("next_cursor"))
    }

    private static func status(_ text: String) -> TransactionStatus? {
        text == "removed" ? nil : TransactionStatus(rawValue: text)
    }

    static func identity(_ reader: ExecReader) throws(ConnectorError) -> IdentityDetails? {
        guard let row = try reader.optionalObject("identity") else { return nil }
        var found = IdentityDetails()
        for (name, path) in texts { found[keyPath: path] = try row.optionalText(name) }
        for (name, path) in lists { found[keyPath: path] = try row.texts(name, most: 100) }
        return found
    }

    private static var texts: [(String, WritableKeyPath<IdentityDetails, String?>)] {
        [
            ("full_name", \.fullName), ("first_name", \.firstName), ("middle_name", \.middleName),
            ("last_name", \.lastName), ("bvn", \.bvn), ("nin", \.nin), ("dob", \.dob), ("gender", \.gender),
            ("marital_status", \.maritalStatus), ("nationality", \.nationality), ("lga_of_origin", \.lgaOfOrigin),
            ("lga_of_residence", \.lgaOfResidence), ("state_of_origin", \.stateOfOrigin),
            ("state_of_residence", \.stateOfResidence), ("level_of_account", \.levelOfAccount),
            ("enrollment_bank", \.enrollmentBank), ("enrollment_branch", \.enrollmentBranch),
            ("registration_date", \.registrationDate),
        ]
    }

    private static var lists: [(String, WritableKeyPath<IdentityDetails, [String]>)] {
        [
            ("emails", \.emails), ("phones", \.phones), ("addresses", \.addresses), ("aliases", \.aliases),
            ("next_of_kins", \.nextOfKins), ("photo_urls", \.photoURLs),
        ]
    }
}
