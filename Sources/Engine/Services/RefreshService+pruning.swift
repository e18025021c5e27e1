import Domain
import Storage

extension RefreshService {
    /// Forgets runs and their steps that are older than events are kept.
    /// - Returns: how many runs.
    func prune() async throws -> Int {
        guard core.settings.retentionDays > 0 else { return 0 }
        let before = core.runtime.now() + -core.settings.retentionDays * Instant.dayMs
        return try await core.sumOverScopes { scope in try await prune(scope, before: before) }
    }

    private func prune(_ scope: Scope, before: Instant) async throws -> Int {
        var sum = 0
        var next: Int64? = 0
        while let id = next {
            let step = try await core.database.write {
                try RefreshNotes.prune(after: id, before: before, scope, $0)
            }
            sum += step.forgotten
            next = step.next
        }
        return sum
    }
}
