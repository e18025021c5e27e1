import Connectors
import Domain
import Logging
import Storage

/// Takes what banks push. A push starts a refresh at once.
public struct UpstreamService: Sendable {
    private let core: Core
    private let refreshes: RefreshService

    public init(core: Core, refreshes: RefreshService) {
        self.core = core
        self.refreshes = refreshes
    }

    /// - Returns: how many connections were made due.
    /// - Throws: `not_found` for an unknown connector, `unknown_key` when the bank's signature is wrong.
    public func receive(
        connector id: String, headers: [(name: String, value: String)], body: [UInt8]
    ) async throws -> Int {
        guard let connector = core.connectors.connector(id: id) else { throw DomainError.notFound("connector") }
        let events: [UpstreamEvent]
        do throws(ConnectorError) {
            events = try connector.handleUpstreamWebhook(headers: headers, body: body)
        } catch {
            let code: ErrorCode = error.code == .accessDenied ? .unknownKey : .invalidJSON
            throw DomainError(code, "This push was not accepted: \(error.message)")
        }
        var count = 0
        for event in events { count += try await handle(event, connector: id) }
        if count > 0 { core.wakes.refreshes.set() }
        return count
    }

    private func handle(_ event: UpstreamEvent, connector: String) async throws -> Int {
        let (environmentID, user, isEnd) =
            switch event {
            case .dataReady(let environmentID, let user): (environmentID, user, false)
            case .accessEnded(let environmentID, let user): (environmentID, user, true)
            }
        let scope = Scope(environmentID: environmentID)
        let connections = try await core.database.read {
            try ConnectionStore.find(connector: connector, upstreamUser: user, scope, $0)
        }
        var count = 0
        // The bank's word that it has data is also a sign that it serves a connection again that needed its person.
        let now = try await core.environment(scope).virtual(core.runtime.now())
        for connection in connections where connection.state.trial(by: .bank, at: now) == .allowed {
            if isEnd, connection.status != .active { continue }
            let products = connection.products.products.intersection([.balance, .transactions])
            guard !products.isEmpty else { continue }
            _ = try await refreshes.enqueue(connection.id, products: products, cause: .push, scope)
            count += 1
        }
        return count
    }
}
