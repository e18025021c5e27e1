/// What the bank's list of accounts changes in those that are kept.
///
/// A list never adds an account: the person chose which ones to show, and what a list has beyond them was not chosen.
public enum AccountReview {
    /// An account that is kept, and what is shown of it.
    public struct Known: Equatable, Sendable {
        public var id: String
        public var upstreamID: String
        public var number: String?
        public var name: String?
        public var type: String?
        public var isClosed: Bool
        /// Whether the consent in force names it.
        public var isConsented: Bool

        public init(
            id: String, upstreamID: String, number: String? = nil, name: String?, type: String?,
            isClosed: Bool = false, isConsented: Bool = true
        ) {
            self.id = id
            self.upstreamID = upstreamID
            self.number = number
            self.name = name
            self.type = type
            self.isClosed = isClosed
            self.isConsented = isConsented
        }
    }

    /// The accounts that changed, as they are now. What a bank leaves out of an account's row stays as it was; an
    /// empty list changes nothing, for it is a bank in trouble more often than a person without accounts.
    public static func changes(known: [Known], listed: [FetchedAccount]) -> [Known] {
        guard !listed.isEmpty else { return [] }
        return known.compactMap { account in
            var now = account
            if let row = row(of: account, known, listed), row.isActive {
                // A closed account that the last login left out is not the bank's to bring back.
                guard !account.isClosed || account.isConsented else { return nil }
                now.isClosed = false
                now.upstreamID = row.upstreamID
                now.name = row.name ?? account.name
                now.type = row.type ?? account.type
            } else {
                now.isClosed = true
            }
            return now == account ? nil : now
        }
    }

    /// By the bank's id, else by the number: a bank may give its accounts other ids.
    private static func row(of account: Known, _ known: [Known], _ listed: [FetchedAccount]) -> FetchedAccount? {
        if let row = listed.first(where: { $0.upstreamID == account.upstreamID }) { return row }
        guard let number = account.number else { return nil }
        let taken = Set(known.map(\.upstreamID))
        return listed.first { $0.number == number && !taken.contains($0.upstreamID) }
    }
}
