import Connectors
import Domain
import FoundationEssentials
import Storage

/// What the page tells the customer's page in the end.
public enum WidgetResult: Sendable {
    case linked(WidgetSuccess, redirect: String?)
    case failed(code: String, message: String, redirect: String?)
}

/// What linking gave, without anything that a page must not see: no full account number, no BVN.
public struct WidgetSuccess: Sendable {
    /// An account that was shared.
    public struct Account: Sendable {
        public let id: String
        public let name: String?
        /// The last four digits behind stars.
        public let number: String?
        public let type: String?
        public let currency: String
    }

    public let environment: Domain.Environment
    public let sessionID: String
    public let connectionID: String
    public let customerID: String
    public let customerName: String?
    public let institution: Institution
    public let loginType: String
    public let products: ProductSet
    public let accounts: [Account]
    public let options: JSONValue
    public let meta: JSONValue
    public let isRepair: Bool
}

extension WidgetService {
    /// A result can be read for this long after its session's end.
    private static let resultMs: Int64 = Instant.dayMs

    /// - Throws: `step_mismatch` while the session is under way, `expired` long after it.
    public func result(sessionID: String) async throws -> WidgetResult {
        let environment = try await links.environment(of: sessionID)
        let view = try await links.find(sessionID: sessionID, in: environment.scope)
        let session = try await links.get(sessionID, environment.scope)
        guard environment.virtual(core.runtime.now()) < session.expiresAt + Self.resultMs else {
            throw DomainError(.expired, "This link session ended long ago. Read the connection by the API.")
        }
        let terms = try LinkTerms(json: session.request)
        switch view.status {
        case .done:
            let success = try await success(session, terms, environment)
            let redirect = redirect(
                terms,
                [
                    ("status", "success"), ("record", success.connectionID), ("customer", success.customerID),
                ])
            return .linked(success, redirect: redirect)
        case .active:
            throw DomainError(.stepMismatch, "The link session is under way. Ask for the result when it has ended.")
        case .failed, .abandoned, .expired:
            let (code, message) = failure(view)
            return .failed(
                code: code, message: message, redirect: redirect(terms, [("status", "error"), ("code", code)]))
        }
    }

    private func failure(_ view: LinkView) -> (code: String, message: String) {
        switch view.status {
        case .abandoned: return ("abandoned", "The person closed the page before the account was linked.")
        case .expired: return ("expired", "The link session expired before the account was linked.")
        default:
            guard case .failed(let error) = view.step else { return ("failed", "The account was not linked.") }
            return (error.code.rawValue, error.message)
        }
    }

    private func success(
        _ session: LinkSession, _ terms: LinkTerms, _ environment: Domain.Environment
    ) async throws -> WidgetSuccess {
        let scope = environment.scope
        let found = try await core.database.read { db -> (Connection, Customer?, [Account])? in
            guard let id = session.connectionID, let connection = try ConnectionStore.find(id, scope, db) else {
                return nil
            }
            return (
                connection, try CustomerStore.find(connection.customerID, scope, db),
                try AccountStore.list(id, scope, db)
            )
        }
        guard let (connection, customer, accounts) = found,
            let institution = InstitutionCatalog.find(connection.institution)
        else { throw DomainError.notFound("connection") }
        return WidgetSuccess(
            environment: environment, sessionID: session.id, connectionID: connection.id.hex,
            customerID: connection.customerID.hex, customerName: customer?.name, institution: institution,
            loginType: connection.loginType, products: connection.products,
            accounts: accounts.map {
                WidgetSuccess.Account(
                    id: $0.id.hex, name: $0.name, number: $0.mask.map { "******\($0)" }, type: $0.type,
                    currency: $0.currency.code)
            }, options: terms.options, meta: terms.meta, isRepair: terms.run.repairs != nil)
    }

    private func redirect(_ terms: LinkTerms, _ parameters: [(String, String)]) -> String? {
        guard let url = terms.redirectURL else { return nil }
        return ReturnURL.make(url, parameters + (terms.run.state.map { [("state", $0)] } ?? []))
    }
}

/// Where the person goes back to, with the result in the query.
enum ReturnURL {
    private static let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8)

    /// A parameter of the same name that the URL has already is dropped: nobody reads the wrong one.
    static func make(_ text: String, _ parameters: [(String, String)]) -> String? {
        guard let whole = URL(string: text)?.absoluteString else { return nil }
        let halves = whole.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        let parts = halves[0].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let names = Set(parameters.map(\.0))
        let kept =
            parts.count > 1
            ? parts[1].split(separator: "&").filter { pair in
                !names.contains(String(pair.split(separator: "=", maxSplits: 1).first ?? ""))
            }.map(String.init) : []
        let added = parameters.map { "\($0.0)=\(escaped($0.1))" }
        var url = "\(parts[0])?\((kept + added).joined(separator: "&"))"
        if halves.count > 1 { url += "#\(halves[1])" }
        return url
    }

    private static func escaped(_ text: String) -> String {
        var out = ""
        for byte in text.utf8 {
            out += plain.contains(byte) ? String(UnicodeScalar(byte)) : "%" + Hex.encode([byte]).uppercased()
        }
        return out
    }
}
