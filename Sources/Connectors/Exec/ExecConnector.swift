import Domain

/// A bank that a program of the operator's speaks for; `docs/connectors/exec.md` is the protocol.
public struct ExecConnector: Connector {
    /// Stands before the name of each program in its connector's id.
    public static let idPrefix = "exec:"
    /// A list of banks does not wait longer for one of them.
    private static let healthMs: Int64 = 3000

    private let id: String
    private let institutions: Set<String>
    private let environments: Set<EnvironmentKind>
    private let configured: ExecCapabilities
    private let program: any BankProgram

    /// - Parameters:
    ///   - name: tells it from other programs.
    ///   - institutions: slugs.
    ///   - program: of `setup`.
    public init(
        name: String, institutions: Set<String>, environments: Set<EnvironmentKind>, capabilities: ExecCapabilities,
        program: any BankProgram
    ) {
        id = Self.idPrefix + name
        self.institutions = institutions
        self.environments = environments
        configured = capabilities
        self.program = program
    }

    /// What is started for a program.
    public static func setup(
        name: String, institutions: Set<String>, _ configuration: ExecConfiguration
    ) -> ProgramSetup {
        ProgramSetup(
            name: idPrefix + name, command: configuration.command, environment: configuration.variables,
            folder: configuration.folder, limits: configuration.limits,
            greeting: ExecMessage.greeting(idPrefix + name, institutions), version: ExecMessage.version)
    }

    /// What neither the operator nor the program says is as usual; the program is heard when it is started first.
    public var descriptor: ConnectorDescriptor {
        var told = ExecCapabilities()
        do {
            if let greeting = program.greeting { told = try ExecCapabilities(greeting, of: "result.", isStrict: false) }
        } catch {
            // `check` tells the operator; until that is mended, the usual counts.
        }
        var capabilities = configured.capabilities(told: told)
        // Any step of a program may lead to a page elsewhere.
        capabilities.redirects = true
        return ConnectorDescriptor(
            id: id, capabilities: capabilities, institutions: institutions,
            environments: environments, takesOtherSettings: true)
    }

    /// Starts the program, so that what it can do is known.
    public func warmUp() async throws(ConnectorError) {
        let describe = ExecMessage.greeting(id, institutions)
        _ = try await call(ProgramRequest(body: describe, isRepeatable: true))
    }

    /// Ends the program.
    public func stop() async { await program.stop() }

    // MARK: linking

    public func beginLink(
        _ request: LinkRequest, _ context: ConnectorContext
    ) async throws(ConnectorError) -> LinkProgress {
        var renewed: JSONValue?
        if let grant = request.renews { renewed = try ExecMessage.unwrap(grant.bytes) }
        let message = ExecMessage.request("begin_link", context, isRepeatable: true) { [renewed] out in
            out.array("products") { out in for name in ProductSet(request.products).names { out.string(name) } }
            out.member("history_months", request.historyMonths)
            out.member("return_url", request.returnURL)
            out.member("reference", request.reference)
            out.member("business", request.business)
            out.member("login_type", request.isForBusiness ? "corp" : "ind")
            if let renewed { out.member("renews", renewed) }
        }
        return try await progress(message, secrets: renewed.map(ExecMessage.secrets) ?? [])
    }

    public func continueLink(
        _ state: [UInt8], _ answer: StepAnswer, _ context: ConnectorContext
    ) async throws(ConnectorError) -> LinkProgress {
        let state = try ExecMessage.unwrap(state)
        var message = ExecMessage.request("continue_link", context, isRepeatable: false) { out in
            out.member("state", state)
            out.object("answer") { out in
                out.object("fields") { out in
                    for (name, value) in answer.fields.sorted(by: { $0.key < $1.key }) {
                        out.key(name)
                        out.string(value)
                    }
                }
                out.array("accounts") { out in for id in answer.accounts { out.string(id) } }
                out.member("came_back", answer.cameBack)
            }
        }
        message.answers += answer.fields.values
        return try await progress(message, secrets: ExecMessage.secrets(state))
    }

    public func poll(_ state: [UInt8], _ context: ConnectorContext) async throws(ConnectorError) -> LinkProgress {
        let state = try ExecMessage.unwrap(state)
        let message = ExecMessage.request("poll", context, isRepeatable: true) { $0.member("state", state) }
        return try await progress(message, secrets: ExecMessage.secrets(state))
    }

    private func progress(
        _ message: ProgramRequest, secrets: [String]
    ) async throws(ConnectorError) -> LinkProgress {
        var message = message
        message.secrets += secrets
        let result = try await call(message)
        return try ExecTranslate.progress(result, message.mask)
    }

    // MARK: access

    public func refreshAuth(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) -> Grant {
        // Asked once: a bank may take a spent token for a theft.
        try ExecTranslate.grant(try await call(message("refresh_auth", grant, context, isRepeatable: false)))
    }

    public func revoke(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) {
        do throws(ConnectorError) {
            _ = try await call(message("revoke", grant, context))
        } catch {
            switch error.code {
            case .unsupported, .reauthRequired, .consentRevoked, .consentExpired: return
            default: throw error
            }
        }
    }

    // MARK: data

    public func listAccounts(
        _ grant: Grant, _ context: ConnectorContext
    ) async throws(ConnectorError) -> [FetchedAccount] {
        try ExecTranslate.accounts(try await call(message("accounts", grant, context), keep: "accounts", context))
    }

    public func balance(
        _ grant: Grant, account: String, _ context: ConnectorContext
    ) async throws(ConnectorError) -> FetchedBalance {
        let message = try message("balance", grant, context) { $0.member("account", account) }
        return try ExecTranslate.balance(try await call(message, keep: "balance", context), at: context.now)
    }

    public func transactions(
        _ grant: Grant, account: String, window: DayWindow, cursor: String?, _ context: ConnectorContext
    ) async throws(ConnectorError) -> FetchPage {
        let message = try message("transactions", grant, context) { out in
            out.member("account", account)
            out.member("from", window.from.iso)
            out.member("to", window.to.iso)
            out.member("cursor", cursor)
        }
        return try ExecTranslate.page(try await call(message, keep: "transactions", context))
    }

    public func identity(
        _ grant: Grant, _ context: ConnectorContext
    ) async throws(ConnectorError) -> IdentityDetails? {
        try ExecTranslate.identity(try await call(message("identity", grant, context), keep: "identity", context))
    }

    // MARK: health

    public func health(institution: String, _ context: ConnectorContext) async -> InstitutionHealth {
        var context = context
        context.institution = institution
        do throws(ConnectorError) {
            return try await health(context).health
        } catch {
            return error.code == .unsupported ? .healthy : .down
        }
    }

    public func troubled(_ context: ConnectorContext) async -> [String: InstitutionHealth] {
        // A program is not started to show a list; when it cannot be, all its banks are out of reach.
        if program.trouble != nil { return Dictionary(uniqueKeysWithValues: institutions.map { ($0, .down) }) }
        guard case .bool(true)? = program.greeting?["reports_health"] else { return [:] }
        do throws(ConnectorError) {
            return try await health(context).troubled.filter { institutions.contains($0.key) }
        } catch {
            return [:]
        }
    }

    private func health(
        _ context: ConnectorContext
    ) async throws(ConnectorError) -> (health: InstitutionHealth, troubled: [String: InstitutionHealth]) {
        var message = ExecMessage.request("health", context, isRepeatable: true)
        message.deadlineMs = Self.healthMs
        let result = try await call(message)
        let troubled = (try result.optionalObject("troubled")?.value.members ?? [:]).compactMapValues {
            $0.text.flatMap(InstitutionHealth.init(rawValue:))
        }
        return (try result.required("health", InstitutionHealth.init(rawValue:)), troubled)
    }

    /// Tells also what is wrong with the program's description of itself.
    public func check(_ context: ConnectorContext) async throws(ConnectorError) {
        try await warmUp()
        do throws(ConnectorError) {
            guard try await health(context).health != .down else { throw ConnectorError(.providerUnavailable) }
        } catch {
            if error.code != .unsupported { throw error }
        }
        do throws(ExecConfiguration.Mistake) {
            if let greeting = program.greeting { _ = try ExecCapabilities(greeting, of: "result.", isStrict: false) }
        } catch {
            throw ConnectorError(
                .protocolViolation, "The program's answer to `describe`: \(error).", upstreamCode: error.member)
        }
    }

    // MARK: calls

    private func message(
        _ operation: StaticString, _ grant: Grant, _ context: ConnectorContext, isRepeatable: Bool = true,
        _ members: (inout JSONWriter) -> Void = { _ in }
    ) throws(ConnectorError) -> ProgramRequest {
        let inner = try ExecMessage.unwrap(grant.bytes)
        var message = ExecMessage.request(operation, context, isRepeatable: isRepeatable) { out in
            out.member("grant", inner)
            members(&out)
        }
        message.secrets += ExecMessage.secrets(inner)
        return message
    }

    /// - Parameter kept: the operation under which the answer is kept, for calls that fetch data.
    private func call(
        _ message: ProgramRequest, keep kept: String? = nil, _ context: ConnectorContext? = nil
    ) async throws(ConnectorError) -> ExecReader {
        let line: [UInt8]
        do throws(ProgramFault) {
            line = try await program.ask(message)
        } catch {
            throw ExecTranslate.error(error)
        }
        if let kept { context?.payloads?.add(kept, line) }
        return try ExecTranslate.result(line, message.mask)
    }
}
