/// Which known account each account of a new login is. Ids of accounts are for life, so a wrong match would put two
/// accounts' histories into one: what is not certain is for the person to say.
public enum AccountMapping {
    /// An account that is kept.
    public struct Known: Sendable, Equatable {
        public var id: String
        public var upstreamID: String
        /// Of the account number; the same number has the same index.
        public var numberIndex: String?
        public var mask: String?
        public var name: String?
        public var type: String?
        public var currency: Currency
        /// An account that the last login left out has nothing to lose.
        public var isClosed: Bool

        public init(
            id: String, upstreamID: String, numberIndex: String?, mask: String?, name: String?, type: String?,
            currency: Currency, isClosed: Bool = false
        ) {
            self.id = id
            self.upstreamID = upstreamID
            self.numberIndex = numberIndex
            self.mask = mask
            self.name = name
            self.type = type
            self.currency = currency
            self.isClosed = isClosed
        }
    }

    /// Why two accounts are held for one.
    public enum Rule: String, Sendable, CaseIterable {
        /// The bank's id and the number are the same, or one of them is the same and the other not told.
        case same
        /// The number is the same, the bank's id is another one.
        case number
        /// The bank's id is the same, the number is another one.
        case renumbered
        /// Neither is the same; name, type and currency are.
        case name
        /// The only ones left on either side, of one type and currency.
        case onlyOne = "only_one"

        public var isCertain: Bool { self == .same || self == .number }

        /// For the person who is asked.
        public var why: String {
            switch self {
            case .same: "It is the same account."
            case .number: "The account number is the same."
            case .renumbered: "The bank says it is the same account, with another number."
            case .name: "Name, type and currency are the same; the number is another one."
            case .onlyOne: "It is the only account left of this type; name and number are others."
            }
        }
    }

    /// One account before and after.
    public struct Match: Sendable, Equatable {
        /// Its place in the list of known ones; nil for an account that is new.
        public var known: Int?
        /// Its place in the list of the new login; nil for an account that it leaves out.
        public var fetched: Int?
        /// nil where there is no other side.
        public var rule: Rule?

        public init(known: Int?, fetched: Int?, rule: Rule?) {
            self.known = known
            self.fetched = fetched
            self.rule = rule
        }

        /// Whether nobody has to be asked.
        public var isCertain: Bool { rule?.isCertain ?? true }
    }

    /// Every known account and every fetched one, once: pairs first, then those left out, then new ones.
    ///
    /// - Parameter numberIndexes: of the fetched accounts, in their order.
    public static func matches(
        known: [Known], fetched: [FetchedAccount], numberIndexes: [String?]
    ) -> [Match] {
        var pairing = Pairing(known: known, fetched: fetched, numbers: numberIndexes)
        pairing.pair(.same) { old, new, number in
            old.upstreamID == new.upstreamID && (number == nil || old.numberIndex == nil || number == old.numberIndex)
        }
        pairing.pair(.number) { old, _, number in number != nil && number == old.numberIndex }
        pairing.pair(.renumbered) { old, new, _ in old.upstreamID == new.upstreamID }
        pairing.pair(.name) { old, new, _ in
            guard !old.isClosed, let name = plain(old.name) else { return false }
            return name == plain(new.name) && isOfOneKind(old, new)
        }
        let openOld = pairing.freeKnown.filter { !known[$0].isClosed }
        if openOld.count == 1, pairing.freeFetched.count == 1 {
            pairing.pair(.onlyOne) { old, new, _ in !old.isClosed && isOfOneKind(old, new) }
        }
        return pairing.matches
    }

    private static func isOfOneKind(_ old: Known, _ new: FetchedAccount) -> Bool {
        old.currency == new.currency && plain(old.type) == plain(new.type)
    }

    private static func plain(_ text: String?) -> String? {
        guard let text else { return nil }
        let words = text.lowercased().split(whereSeparator: \.isWhitespace)
        return words.isEmpty ? nil : words.joined(separator: " ")
    }
}

/// Pairs that are made one rule after another; each account is in one pair at the most.
private struct Pairing {
    let known: [AccountMapping.Known]
    let fetched: [FetchedAccount]
    let numbers: [String?]
    var freeKnown: [Int]
    var freeFetched: [Int]
    private var pairs: [AccountMapping.Match] = []

    init(known: [AccountMapping.Known], fetched: [FetchedAccount], numbers: [String?]) {
        self.known = known
        self.fetched = fetched
        self.numbers = numbers
        freeKnown = Array(known.indices)
        freeFetched = Array(fetched.indices)
    }

    var matches: [AccountMapping.Match] {
        pairs.sorted { ($0.known ?? 0) < ($1.known ?? 0) }
            + freeKnown.map { AccountMapping.Match(known: $0, fetched: nil, rule: nil) }
            + freeFetched.map { AccountMapping.Match(known: nil, fetched: $0, rule: nil) }
    }

    /// Pairs what fits each other and nothing else; what fits several is left alone, for a guess is no rule.
    mutating func pair(
        _ rule: AccountMapping.Rule, _ fits: (AccountMapping.Known, FetchedAccount, String?) -> Bool
    ) {
        var found: [(old: Int, new: Int)] = []
        for old in freeKnown {
            for new in freeFetched where fits(known[old], fetched[new], numbers[new]) { found.append((old, new)) }
        }
        let olds = Dictionary(grouping: found, by: \.old)
        let news = Dictionary(grouping: found, by: \.new)
        for pair in found where olds[pair.old]?.count == 1 && news[pair.new]?.count == 1 {
            pairs.append(AccountMapping.Match(known: pair.old, fetched: pair.new, rule: rule))
            freeKnown.removeAll { $0 == pair.old }
            freeFetched.removeAll { $0 == pair.new }
        }
    }
}
