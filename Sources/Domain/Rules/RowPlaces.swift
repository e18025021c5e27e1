/// Where rows stand that a pass of the ladder may choose from, so that a day of thousands of alike rows does not cost
/// its square.
struct RowPlaces {
    /// What a pass needs to be equal beside the day: its rows are looked up by that.
    enum Key {
        case day, amount
        /// Amount and text.
        case content
        /// Amount, text and running balance.
        case statementLine
        /// Amount and running balance.
        case balance
        /// Amount and the bank's reference.
        case reference
    }

    private struct Place: Hashable {
        var day: Int
        /// nil where any amount may match.
        var minor: Int64?
        var text: String?
        var balance: Int64?
    }

    private struct Rows {
        var list: [Int] = []
        /// Those before are taken.
        var first = 0
    }

    private let key: Key
    private var rows: [Place: Rows] = [:]

    init(_ key: Key) { self.key = key }

    var isEmpty: Bool { rows.isEmpty }

    mutating func add(_ index: Int, _ row: FetchedTransaction) {
        guard let place = place(row, on: row.bookedOn.dayNumber) else { return }
        rows[place, default: Rows()].list.append(index)
    }

    /// The rows of a day that are alike, in their order, without the first ones that are taken.
    mutating func alike(_ row: FetchedTransaction, on day: Int, isTaken: [Bool]) -> ArraySlice<Int> {
        guard let place = place(row, on: day), var found = rows[place] else { return [] }
        let before = found.first
        while found.first < found.list.count, isTaken[found.list[found.first]] { found.first += 1 }
        if found.first > before { rows[place]?.first = found.first }
        return found.list[found.first...]
    }

    /// nil when the row lacks what is compared, so that it is like none.
    private func place(_ row: FetchedTransaction, on day: Int) -> Place? {
        let minor = row.amount.minor
        switch key {
        case .day: return Place(day: day)
        case .amount: return Place(day: day, minor: minor)
        case .content: return Place(day: day, minor: minor, text: ContentKey.normal(row.text))
        case .statementLine:
            guard let balance = row.runningBalance else { return nil }
            return Place(day: day, minor: minor, text: ContentKey.normal(row.text), balance: balance.minor)
        case .balance:
            guard let balance = row.runningBalance else { return nil }
            return Place(day: day, minor: minor, balance: balance.minor)
        case .reference:
            guard let reference = row.reference else { return nil }
            return Place(day: day, minor: minor, text: reference)
        }
    }
}
