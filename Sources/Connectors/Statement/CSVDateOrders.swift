import Domain

/// Finds out from a file's dates which of their numbers is the day.
struct CSVDateOrders: Sendable {
    /// An order in which the short dates of a file lie further apart is none, if another brings them together.
    private static let farDays = 3653
    private static let nearDays = 731

    /// nil until a date can be read in one way only.
    private(set) var proven: DateOrder?
    /// Whether there was a date such as 24-01-31, of which the year may be the first number or the last.
    private(set) var isYearUnsure = false
    private var possible = Set(DateOrder.allCases)
    private var spans: [DateOrder: ClosedRange<Int>] = [:]

    /// Whether an order contradicts no date so far.
    func allows(_ order: DateOrder) -> Bool { possible.contains(order) }

    /// One more date of the file.
    mutating func see(_ date: CSVDate) {
        guard proven == nil else { return }
        guard case .short = date.day else {
            proven = date.proves
            return
        }
        isYearUnsure = true
        let readings = date.readings.filter { possible.contains($0.key) }
        // One that contradicts all before it is told as such when it is read.
        guard !readings.isEmpty else { return }
        possible = Set(readings.keys)
        for (order, day) in readings {
            let (number, known) = (day.dayNumber, spans[order])
            spans[order] = min(known?.lowerBound ?? number, number)...max(known?.upperBound ?? number, number)
        }
        if possible.contains(where: { days($0) <= Self.nearDays }) {
            possible = possible.filter { days($0) <= Self.farDays }
        }
        if possible.count == 1 { proven = possible.first }
    }

    /// Between the first and the last short date, in that order.
    private func days(_ order: DateOrder) -> Int { spans[order].map { $0.upperBound - $0.lowerBound } ?? 0 }
}
