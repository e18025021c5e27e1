import Connectors
import Domain

/// Reaches banks that speak Template's protocol: a login by name and password, then calls with a token.
public struct TemplateConnector: Connector {
    public static let id = "template"

    public let descriptor: ConnectorDescriptor
    private let client: TemplateClient

    public init(transport: any HTTPTransport) {
        client = TemplateClient(transport: transport)
        descriptor = ConnectorDescriptor(
            id: Self.id,
            capabilities: Capabilities(
                products: [.auth, .accounts, .balance, .transactions], historyMonthsMax: 12, windowDaysMax: 31),
            institutions: [], environments: [.production, .sandbox],
            settings: [
                SettingNeed("base_url", isRequired: true, help: "Where the bank's API is, as https://api.bank.example.")
            ])
    }

    // MARK: linking

    /// What a link's state says; a second step has a state of its own.
    private static let loginState = Array("login".utf8)

    public func beginLink(
        _ request: LinkRequest, _ context: ConnectorContext
    ) async throws(ConnectorError) -> LinkProgress { Self.ask() }

    public func continueLink(
        _ state: [UInt8], _ answer: StepAnswer, _ context: ConnectorContext
    ) async throws(ConnectorError) -> LinkProgress {
        guard state == Self.loginState else { throw ConnectorError(.invalidRequest) }
        guard let name = answer.fields["username"], let password = answer.fields["password"], !name.isEmpty,
            !password.isEmpty
        else { return Self.ask(problem: "Enter the username and the password.") }
        let body: JSONValue = .object(["username": .string(name), "password": .string(password)])
        let reply: TemplateReader
        do {
            reply = try await client.send(.init(method: "POST", path: "login", body: body), context)
        } catch {
            switch error.code {
            case .invalidCredentials: return Self.ask(problem: error.message)
            case .userLocked, .accessDenied: return LinkProgress(step: .failed(error), state: state)
            default: throw error
            }
        }
        let linked = LinkedAccess(
            grant: try TemplateGrant(reply).grant, accounts: try TemplateTranslate.accounts(reply),
            upstreamUserID: try reply.text("user"))
        return LinkProgress(step: .done, state: state, linked: linked)
    }

    private static func ask(problem: String? = nil) -> LinkProgress {
        LinkProgress(
            step: .form(
                Step.Form(
                    name: "credentials", prompt: "Log in with your internet banking details.",
                    fields: [
                        Step.Field(key: "username", kind: .text, label: "Username"),
                        Step.Field(key: "password", kind: .secret, label: "Password"),
                    ], problem: problem)), state: loginState)
    }

    // MARK: access

    public func refreshAuth(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) -> Grant {
        let token = try TemplateGrant(grant).token
        let reply = try await client.send(.init(method: "POST", path: "token", token: token), context)
        return try TemplateGrant(reply).grant
    }

    public func revoke(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) {
        do {
            _ = try await client.send(
                .init(method: "POST", path: "logout", token: try TemplateGrant(grant).token), context)
        } catch {
            // Access that is gone already is what was asked for.
            guard error.code == .reauthRequired else { throw error }
        }
    }

    // MARK: data

    public func listAccounts(
        _ grant: Grant, _ context: ConnectorContext
    ) async throws(ConnectorError) -> [FetchedAccount] {
        try TemplateTranslate.accounts(try await get("accounts", [], "accounts", grant, context))
    }

    public func balance(
        _ grant: Grant, account: String, _ context: ConnectorContext
    ) async throws(ConnectorError) -> FetchedBalance {
        let path = "accounts/\(try Self.segment(account))/balance"
        return try TemplateTranslate.balance(try await get(path, [], "balance", grant, context))
    }

    public func transactions(
        _ grant: Grant, account: String, window: DayWindow, cursor: String?, _ context: ConnectorContext
    ) async throws(ConnectorError) -> FetchPage {
        var query = [(name: "from", value: window.from.iso), (name: "to", value: window.to.iso)]
        if let cursor { query.append(("cursor", try Self.segment(cursor))) }
        let path = "accounts/\(try Self.segment(account))/transactions"
        return try TemplateTranslate.page(try await get(path, query, "transactions", grant, context))
    }

    public func health(institution: String, _ context: ConnectorContext) async -> InstitutionHealth {
        do {
            let reply = try await client.send(.init(path: "health"), context)
            return try reply.text("status") == "up" ? .healthy : .degraded
        } catch {
            return error.code == .protocolViolation ? .degraded : .down
        }
    }

    private func get(
        _ path: String, _ query: [(name: String, value: String)], _ operation: String, _ grant: Grant,
        _ context: ConnectorContext
    ) async throws(ConnectorError) -> TemplateReader {
        let token = try TemplateGrant(grant).token
        return try await client.send(.init(path: path, query: query, token: token, operation: operation), context)
    }

    /// The bank's ids need no escaping; anything else is not one of them.
    private static func segment(_ text: String) throws(ConnectorError) -> String {
        let isPlain = text.utf8.allSatisfy { (97...122).contains($0 | 32) || (48...57).contains($0) || $0 == 95 }
        guard !text.isEmpty, isPlain else { throw ConnectorError(.accountNotFound) }
        return text
    }
}
