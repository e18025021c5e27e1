/// Which runs may be fetched before anything of them is written. Nearly all of them find nothing new, and then there
/// is nothing to write but when to look again.
public enum QuietRule {
    /// More steps than this are worth keeping one by one.
    public static let stepsMax = 8
    /// What one transaction may hold.
    public static let rowsMax = 2_000

    /// A run of a known connection: its list of accounts, balances, and of each account the newest transactions.
    /// A run that has history to fetch keeps what it has, step by step.
    public static func allows(_ steps: [SyncStep], syncedTo: LocalDate?) -> Bool {
        guard !steps.isEmpty, steps.count <= stepsMax else { return false }
        var windows: Set<String> = []
        for step in steps {
            switch step {
            case .accounts, .balance: continue
            case .identity, .statement: return false
            case .transactions(let account, _):
                guard syncedTo != nil, windows.insert(account).inserted else { return false }
            }
        }
        return true
    }
}
