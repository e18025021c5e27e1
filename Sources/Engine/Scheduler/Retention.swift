import Domain
import Logging
import Storage

/// What is kept for a while and then forgotten, each in transactions of bounded size.
struct Retention {
    let core: Core

    /// One thing that fails holds up none of the others.
    func run() async {
        await forget("idempotency keys") { try await IdempotencyService(core: core).prune() }
        await forget("raw payloads") { try await PayloadKeeper(core: core).prune() }
        await forget("events") { try await events() }
        await forget("attempts") { try await DeliveryLogService(core: core).prune() }
        await forget("attempts of what was removed") { try await DeliveryLogService(core: core).forgetLate() }
        await forget("replays") { try await ReplayService.prune(core) }
        await forget("rows of removed businesses") { try await TenantEraser(core: core).forgetLate() }
        await forget("lanes of what was removed") { try await lanes() }
        await forget("changes of transactions") { try await FeedService(core: core).prune() }
        await forget("runs") { try await RefreshService(core: core).prune() }
        await forget("links to log in again") { try await ReauthLinks(core).prune() }
        await makeYears()
    }

    private func forget(_ what: String, _ body: () async throws -> Int) async {
        do {
            let count = try await body()
            if count > 0 { core.logger.info("forgotten", metadata: ["what": "\(what)", "count": "\(count)"]) }
        } catch {
            core.logger.warning("could not forget", metadata: ["what": "\(what)", "error": "\(error)"])
        }
    }

    /// Events are in the environment's time, which is never behind the machine's: none is forgotten too early.
    private func events() async throws -> Int {
        guard core.settings.retentionDays > 0 else { return 0 }
        let before = core.runtime.now() + -core.settings.retentionDays * Instant.dayMs
        return try await core.sumOverScopes { scope in try await events(of: scope, before: before) }
    }

    private func events(of scope: Scope, before: Instant) async throws -> Int {
        var sum = 0
        var next: Int64? = 0
        while let id = next {
            let step = try await core.database.write {
                try RetentionStore.step(after: id, before: before, scope, $0)
            }
            sum += step.forgotten
            next = step.next
        }
        return sum
    }

    private func lanes() async throws -> Int {
        var sum = 0
        var last: Int64? = 0
        while let from = last {
            let found = try await core.database.read { try DeliveryLanes.forgotten(after: from, $0) }
            if !found.lanes.isEmpty {
                sum += try await core.database.write { try DeliveryLanes.remove(found.lanes, $0) }
            }
            last = found.next
        }
        return sum
    }

    private func makeYears() async {
        let year = core.runtime.now().day().civil.year + Partitions.yearsAhead
        do {
            while let made = try await core.database.write({ try Partitions.ensure(through: year, $0) }) {
                core.logger.info("a year of transactions has its partition", metadata: ["year": "\(made)"])
            }
        } catch {
            core.logger.warning("no partition could be made", metadata: ["error": "\(error)"])
        }
    }
}
