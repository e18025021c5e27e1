import Domain
import Storage

extension DeliveryLogService {
    /// Removals of so many days are looked at: more than lie between two rounds.
    private static let lateDays: Int64 = 3

    /// Forgets attempts that ended after their connection was removed, with what came back.
    /// - Returns: how many.
    func forgetLate() async throws -> Int {
        let since = core.runtime.now() + -Self.lateDays * Instant.dayMs
        return try await core.sumOverScopes { scope in try await forgetLate(scope, since: since) }
    }

    private func forgetLate(_ scope: Scope, since: Instant) async throws -> Int {
        var sum = 0
        for times in try await core.database.read({ try RetentionStore.removals(since: since, scope, $0) }) {
            var place: AttemptPlace? = AttemptPlace(at: times.lowerBound, delivery: .min, number: .min)
            while let after = place {
                let found = try await core.database.read {
                    try RetentionStore.late(after: after, until: times.upperBound, scope, $0)
                }
                if !found.late.isEmpty {
                    try await core.database.write { try RetentionStore.forget(found.late, scope, $0) }
                    sum += found.late.count
                }
                place = found.next
            }
        }
        return sum
    }
}
