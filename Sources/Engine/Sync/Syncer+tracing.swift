import Domain
import Storage

/// What is kept of a step, for those who look at a run.
extension Syncer {
    /// In the step's own transaction.
    func trace(_ run: Run, _ counts: StepCounts, _ tx: Transaction) throws {
        var step = run.trace
        step.durationMs = virtualNow(run) - step.at
        step.added = Int64(counts.added)
        step.modified = Int64(counts.modified)
        step.removed = Int64(counts.removed)
        StepStore.append(step, id: try core.sequence.take(), of: run.refresh.id, run.scope, tx)
    }

    /// A step that failed is kept too; what it wrote is not.
    func trace(_ run: Run, _ error: ConnectorError, _ tx: Transaction) throws {
        var step = run.trace
        step.durationMs = virtualNow(run) - step.at
        step.fail(error)
        StepStore.append(step, id: try core.sequence.take(), of: run.refresh.id, run.scope, tx)
    }
}

extension StepTrace {
    /// What was not taken of a window.
    mutating func note(_ found: FetchedWindow) {
        window = found.window
        dropped = found.dropped
        notes = found.notes
    }
}
