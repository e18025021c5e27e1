import Domain
import Synchronization

/// What computed rows sum to by month. A pure result, remembered for a bounded number of accounts.
final class SandboxTotals: Sendable {
    static let accountsMax = 20_000

    private struct Key: Hashable {
        let seed: UInt64
        let epoch: LocalDate
    }
    private let openings = Mutex<[Key: [Int64]]>([:])

    /// What the computed rows before `month` left in the account.
    func opening(_ ledger: SandboxLedger, _ month: SandboxMonth) -> Int64 {
        let first = SandboxMonth(ledger.epoch)
        guard month > first else { return ledger.openingMinor }
        let wanted = month.index - first.index
        let key = Key(seed: ledger.seed, epoch: ledger.epoch)
        var known = openings.withLock { $0[key] } ?? [ledger.openingMinor]
        if known.count <= wanted {
            for index in (known.count - 1)..<wanted {
                let rows = ledger.rows(of: SandboxMonth(index: first.index + index))
                known.append(rows.reduce(known[index]) { $0 + $1.amountMinor })
            }
            openings.withLock { all in
                if all.count >= Self.accountsMax { all.removeAll(keepingCapacity: true) }
                all[key] = known
            }
        }
        return known[wanted]
    }
}
