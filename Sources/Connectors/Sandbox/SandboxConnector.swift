import Domain

/// Reaches the sandbox bank over HTTP, as any connector reaches its bank.
public struct SandboxConnector: Connector {
    public static let id = "sandbox"
    static let pageRows = 200

    public let descriptor: ConnectorDescriptor
    private let client: SandboxClient
    private let pushSecret: String

    /// - Parameters:
    ///   - baseURL: where the bank is served, such as `http://127.0.0.1:9001`.
    ///   - pushSecret: what the bank signs its pushes with.
    ///   - environments: production only by an explicit setting of tests.
    public init(
        transport: any HTTPTransport, baseURL: String, pushSecret: String,
        environments: Set<EnvironmentKind> = [.sandbox]
    ) {
        client = SandboxClient(
            transport: transport, baseURL: baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL)
        self.pushSecret = pushSecret
        descriptor = ConnectorDescriptor(
            id: Self.id,
            capabilities: Capabilities(
                products: Set(Product.allCases), reportsPending: true, pushes: true, offersIncome: true,
                offersStatement: true),
            institutions: InstitutionCatalog.slugs, environments: environments)
    }

    // MARK: linking

    public func beginLink(
        _ request: LinkRequest, _ context: ConnectorContext
    ) async throws(ConnectorError) -> LinkProgress {
        guard descriptor.institutions.contains(context.institution) else { throw ConnectorError(.unsupported) }
        return SandboxLinkState(stage: .login, challenge: nil, pushURL: request.pushURL).progress(Self.loginForm())
    }

    public func continueLink(
        _ state: [UInt8], _ answer: StepAnswer, _ context: ConnectorContext
    ) async throws(ConnectorError) -> LinkProgress {
        let state = try SandboxLinkState(state)
        var body: [String: JSONValue] = [:]
        if let form = try fill(&body, state, answer) { return state.progress(form) }
        if let url = state.pushURL {
            body["push"] = .object(["url": .string(url), "secret": .string(pushSecret)])
        }
        let path = state.stage == .login ? "login" : "answer"
        let reply = try await client.exchange(.init(method: "POST", path: path, body: .object(body)), context)
        guard reply.status == 200 else {
            let left = SandboxTranslate.attemptsLeft(reply.body)
            return try refused(SandboxTranslate.error(reply), attemptsLeft: left, state)
        }
        return try next(try SandboxTranslate.object(reply.body), state)
    }

    /// Puts the answer into the request; returns the form to ask again when something is missing.
    private func fill(
        _ body: inout [String: JSONValue], _ state: SandboxLinkState, _ answer: StepAnswer
    ) throws(ConnectorError) -> Step? {
        func field(_ name: String) -> JSONValue? {
            answer.fields[name].flatMap { $0.isEmpty ? nil : .string($0) }
        }
        body["challenge"] = state.challenge.map(JSONValue.string)
        switch state.stage {
        case .login:
            body["username"] = field("username")
            body["password"] = field("password")
            if body.count < 2 { return Self.loginForm(problem: "Enter the username and the password.") }
        case .otp, .question:
            let name = state.stage == .otp ? "otp" : "answer"
            body[name] = field(name)
            if body[name] == nil { return state.form(problem: "Enter an answer.") }
        case .accounts:
            body["accounts"] = .array(answer.accounts.map(JSONValue.string))
            if answer.accounts.isEmpty { return state.form() }
        }
        return nil
    }

    private func next(_ reply: JSONValue, _ state: SandboxLinkState) throws(ConnectorError) -> LinkProgress {
        switch reply["state"]?.text {
        case "linked":
            let linked = LinkedAccess(
                grant: try SandboxTokens(reply).grant, accounts: try SandboxTranslate.accounts(reply),
                upstreamUserID: try SandboxTranslate.text(reply, "user"),
                consentExpiresAt: try SandboxTranslate.optional(reply, "consent_expires_at", Instant.init(iso:)))
            return LinkProgress(step: .done, state: state.bytes, linked: linked)
        case "challenge":
            var next = state
            next.stage = try SandboxTranslate.required(reply, "kind") { SandboxLinkState.Stage(challenge: $0) }
            next.challenge = try SandboxTranslate.text(reply, "challenge")
            next.prompt = try SandboxTranslate.text(reply, "prompt")
            if next.stage == .accounts {
                next.choices = try SandboxTranslate.accounts(reply).map {
                    Step.AccountChoice(
                        upstreamID: $0.upstreamID, name: $0.name ?? "", mask: String(($0.number ?? "").suffix(4)),
                        type: $0.type)
                }
            }
            var attempts: Int?
            if case .integer(let left)? = reply["attempts_left"] { attempts = Int(left) }
            return next.progress(next.form(attemptsLeft: attempts))
        default:
            throw ConnectorError(.protocolViolation)
        }
    }

    /// What the person can mend is asked again; what is over is `.failed`; the bank's own trouble is thrown.
    private func refused(
        _ error: ConnectorError, attemptsLeft left: Int?, _ state: SandboxLinkState
    ) throws(ConnectorError) -> LinkProgress {
        switch error.code {
        case .invalidCredentials:
            return state.progress(Self.loginForm(attemptsLeft: left, problem: error.message))
        case .mfaFailed:
            return state.progress(state.form(attemptsLeft: left, problem: error.message))
        case .userLocked, .mfaExpired, .accessDenied:
            return state.progress(.failed(error))
        default:
            throw error
        }
    }

    private static func loginForm(attemptsLeft: Int? = nil, problem: String? = nil) -> Step {
        .form(
            Step.Form(
                name: "credentials", prompt: "Log in with your internet banking details.",
                fields: [
                    Step.Field(key: "username", kind: .text, label: "Username"),
                    Step.Field(key: "password", kind: .secret, label: "Password"),
                ], attemptsLeft: attemptsLeft, problem: problem))
    }

    // MARK: access

    public func refreshAuth(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) -> Grant {
        let tokens = try SandboxTokens(grant)
        let body: JSONValue = .object(["refresh_token": .string(tokens.refresh)])
        return try SandboxTokens(try await client.send(.init(method: "POST", path: "token", body: body), context)).grant
    }

    public func revoke(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) {
        let body: JSONValue = .object(["refresh_token": .string(try SandboxTokens(grant).refresh)])
        do {
            _ = try await client.send(.init(method: "POST", path: "revoke", body: body), context)
        } catch {
            switch error.code {
            case .reauthRequired, .consentRevoked, .consentExpired: return
            default: throw error
            }
        }
    }

    // MARK: data

    public func listAccounts(
        _ grant: Grant, _ context: ConnectorContext
    ) async throws(ConnectorError) -> [FetchedAccount] {
        try SandboxTranslate.accounts(try await get("accounts", [], grant, context))
    }

    public func balance(
        _ grant: Grant, account: String, _ context: ConnectorContext
    ) async throws(ConnectorError) -> FetchedBalance {
        try SandboxTranslate.balance(try await get("accounts/\(try segment(account))/balance", [], grant, context))
    }

    public func transactions(
        _ grant: Grant, account: String, window: DayWindow, cursor: String?, _ context: ConnectorContext
    ) async throws(ConnectorError) -> FetchPage {
        var query = [
            (name: "from", value: window.from.iso), (name: "to", value: window.to.iso),
            (name: "limit", value: String(Self.pageRows)),
        ]
        if let cursor { query.append(("cursor", try segment(cursor))) }
        let reply = try await get("accounts/\(try segment(account))/transactions", query, grant, context)
        return try SandboxTranslate.page(reply)
    }

    public func identity(
        _ grant: Grant, _ context: ConnectorContext
    ) async throws(ConnectorError) -> IdentityDetails? {
        try SandboxTranslate.identity(try await get("identity", [], grant, context))
    }

    public func health(institution: String, _ context: ConnectorContext) async -> InstitutionHealth {
        do {
            let reply = try await client.send(.init(path: "health"), context)
            return reply["status"]?.text.flatMap(InstitutionHealth.init(rawValue:)) ?? .degraded
        } catch {
            return .down
        }
    }

    public func troubled(_ context: ConnectorContext) async -> [String: InstitutionHealth] {
        do {
            let reply = try await client.send(.init(path: "health"), context)
            return (reply["troubled"]?.members ?? [:]).compactMapValues {
                $0.text.flatMap(InstitutionHealth.init(rawValue:))
            }
        } catch {
            return Dictionary(uniqueKeysWithValues: descriptor.institutions.map { ($0, .down) })
        }
    }

    func get(
        _ path: String, _ query: [(name: String, value: String)], _ grant: Grant, _ context: ConnectorContext
    ) async throws(ConnectorError) -> JSONValue {
        let tokens = try SandboxTokens(grant)
        let operation = path.split(separator: "/").last.map(String.init)
        return try await client.send(
            .init(path: path, query: query, bearer: tokens.access, operation: operation), context)
    }

    /// The bank's own ids need no escaping; anything else is not one of them.
    func segment(_ text: String) throws(ConnectorError) -> String {
        let isPlain = text.utf8.allSatisfy { ($0 | 32 >= 97 && $0 | 32 <= 122) || (48...57).contains($0) || $0 == 95 }
        guard !text.isEmpty, isPlain else { throw ConnectorError(.invalidRequest) }
        return text
    }

    // MARK: pushes

    public func handleUpstreamWebhook(
        headers: [(name: String, value: String)], body: [UInt8], settings: ConnectorSettings
    ) throws(ConnectorError) -> [UpstreamEvent] {
        let header = headers.first { $0.name.lowercased() == SandboxSignature.header.lowercased() }
        guard let signature = header?.value, SandboxSignature.isValid(signature, body, secret: pushSecret) else {
            throw ConnectorError(.accessDenied, "The push is not signed by the bank.")
        }
        let value = try SandboxTranslate.object(body)
        guard case .integer(let environmentID)? = value["environment"] else { throw ConnectorError(.protocolViolation) }
        let user = try SandboxTranslate.text(value, "user")
        switch try SandboxTranslate.text(value, "event") {
        case "transactions.posted": return [.dataReady(environmentID: environmentID, upstreamUserID: user)]
        default: return []
        }
    }
}
