import Domain

/// Finds a page of a list that is ordered by (day, id), newest first, from the list's day totals.
///
/// A total is one row, or the rows of the asked days; a far page walks the days to the one that it begins in.
/// Rows are counted nowhere, and an offset never reaches beyond the rows of one day.
public enum DayPager {
    /// Where a page begins.
    public struct Place: Sendable, Equatable {
        public var total: Int64
        /// The page's first row is in this day or, with an offset of 0, in one before it.
        public var to: String
        public var from: String
        /// Rows of the day `to` that come before the page.
        public var offset: Int64
        public var isEmpty: Bool
    }

    public static let firstDay = "0000-00-00"
    public static let lastDay = "9999-99-99"
    static let daysPerStep = 64

    private static let totalSQL = "SELECT count FROM day_total WHERE environment_id = $1 AND list = $2 AND day = ''"
    private static let daysSQL = """
        SELECT day, count FROM day_total WHERE environment_id = $1 AND list = $2 AND day >= $3 AND day <= $4
            AND day <> '' ORDER BY day DESC LIMIT $5
        """

    /// Where the page begins, from the totals of the list of that name; days without an end reach to `lastDay`.
    public static func place(
        _ list: String, _ page: PageRequest, _ scope: Scope, _ db: any SQLConnection
    ) throws -> Place {
        let from = page.from?.iso ?? firstDay
        let to = page.to?.iso ?? lastDay
        guard page.from == nil, page.to == nil else {
            let days = try days(list, from: from, to: to, limit: Int64.max, scope, db)
            return walk(days, page, from: from, to: to)
        }
        let key: [SQLValue] = [.integer(scope.environmentID), .text(list)]
        let total = try db.first(totalSQL, key) { $0.int(0) } ?? 0
        var place = Place(total: total, to: to, from: from, offset: page.skip, isEmpty: page.skip >= total)
        guard page.skip > 0, !place.isEmpty else { return place }
        while true {
            let step = try days(list, from: from, to: place.to, limit: Int64(daysPerStep), scope, db)
            for (day, count) in step {
                place.to = day
                if place.offset < count { return place }
                place.offset -= count
            }
            guard step.count == daysPerStep, let next = LocalDate(place.to)?.adding(days: -1) else { break }
            place.to = next.iso
        }
        place.isEmpty = true
        return place
    }

    private static let headDays = 31
    private static let headSQL = """
        SELECT day, count FROM day_total WHERE environment_id = $1 AND list = $2 AND day = ''
        UNION ALL SELECT day, count FROM (SELECT day, count FROM day_total
            WHERE environment_id = $1 AND list = $2 AND day > '' AND count > 0 ORDER BY day DESC LIMIT \(headDays)
        ) AS newest
        """

    /// The place of the first page, between the days that hold it: of a partitioned table only those parts are opened.
    static func head(_ list: String, _ page: PageRequest, _ scope: Scope, _ db: any SQLConnection) throws -> Place {
        var place = Place(total: 0, to: firstDay, from: firstDay, offset: 0, isEmpty: false)
        var days: [(day: String, count: Int64)] = []
        try db.forEach(headSQL, [.integer(scope.environmentID), .text(list)]) { row in
            let day = row.text(0)
            if day.isEmpty { place.total = row.int(1) } else { days.append((day, row.int(1))) }
        }
        days.sort { $0.day > $1.day }
        place.to = days.first?.day ?? lastDay
        var rows: Int64 = 0
        for (day, count) in days where rows < Int64(page.limit) {
            rows += count
            place.from = day
        }
        if rows < Int64(page.limit) { place.from = firstDay }
        place.isEmpty = place.total <= 0
        return place
    }

    /// The place in several lists taken as one. They are few: the accounts of a login.
    static func place(
        _ lists: [String], _ page: PageRequest, _ scope: Scope, _ db: any SQLConnection
    ) throws -> Place {
        let from = page.from?.iso ?? firstDay
        let to = page.to?.iso ?? lastDay
        var sums: [String: Int64] = [:]
        for list in lists {
            for (day, count) in try days(list, from: from, to: to, limit: Int64.max, scope, db) {
                sums[day, default: 0] += count
            }
        }
        let days = sums.sorted { $0.key > $1.key }.map { (day: $0.key, count: $0.value) }
        var place = walk(days, page, from: from, to: to)
        // The last day that the page reaches, so that a merge of the lists reads no further.
        var wanted = place.offset + Int64(page.limit)
        for (day, count) in days where day <= place.to {
            wanted -= count
            place.from = day
            if wanted <= 0 { break }
        }
        return place
    }

    private static func days(
        _ list: String, from: String, to: String, limit: Int64, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [(day: String, count: Int64)] {
        try db.query(
            daysSQL,
            [.integer(scope.environmentID), .text(list), .text(from), .text(to), .integer(limit)]
        ) { (day: $0.text(0), count: $0.int(1)) }
    }

    private static func walk(
        _ days: [(day: String, count: Int64)], _ page: PageRequest, from: String, to: String
    ) -> Place {
        let total = days.reduce(0) { $0 + $1.count }
        var place = Place(total: total, to: to, from: from, offset: page.skip, isEmpty: page.skip >= total)
        guard page.skip > 0, !place.isEmpty else { return place }
        for (day, count) in days {
            place.to = day
            if place.offset < count { break }
            place.offset -= count
        }
        return place
    }
}
