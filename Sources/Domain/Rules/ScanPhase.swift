/// How far a connection has been read: its newest data first, then its history, and from then on what is new.
public enum ScanPhase: String, Sendable, CaseIterable {
    /// Balances and the newest transactions are on their way.
    case initial
    /// They are there; history is on its way.
    case full
    /// Everything that was asked for is there, and is kept fresh.
    case periodic

    /// - Parameter done: how many of the steps are done.
    /// - Returns: what the steps that are left belong to.
    public static func during(_ steps: [SyncStep?], done: Int) -> ScanPhase {
        var begun: Set<String> = []
        var phase = ScanPhase.periodic
        for (index, step) in steps.enumerated() {
            var isHistory = step == .identity
            switch step {
            case .transactions(let account, _), .statement(let account, _, _):
                isHistory = !begun.insert(account).inserted
            default: break
            }
            guard index >= done else { continue }
            guard isHistory else { return .initial }
            phase = .full
        }
        return phase
    }
}
