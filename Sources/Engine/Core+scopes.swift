import Domain
import Storage

extension Core {
    private static let environmentsPerStep = 200

    /// Walks over every environment, in the order of their ids, and adds up what is returned for each.
    func sumOverScopes(_ body: (Scope) async throws -> Int) async throws -> Int {
        var sum = 0
        var last: Int64 = 0
        while true {
            let from = last
            let scopes = try await database.read {
                try RetentionStore.environments(after: from, limit: Self.environmentsPerStep, $0)
            }
            guard let end = scopes.last else { return sum }
            for scope in scopes { sum += try await body(scope) }
            last = end.environmentID
        }
    }
}
