import Domain

/// How much waits to be delivered.
public enum DeliveryDepth {
    /// No more is looked at: a look stays short however much waits.
    public static let countedMax = 100_000

    private static let countSQL = """
        SELECT pass, COUNT(pass) FROM (SELECT pass FROM delivery LIMIT \(countedMax)) AS d GROUP BY pass
        """
    private static let names = ["first", "retry", "replay", "ordered"]

    /// Numbers of deliveries by their turn: `first`, `retry`, `replay` or `ordered`.
    public static func count(_ db: any SQLConnection) throws -> [(of: String, count: Int)] {
        var counts = [Int](repeating: 0, count: names.count)
        let rows = try db.query(countSQL) { (pass: Int($0.int(0)), count: Int($0.int(1))) }
        for row in rows where counts.indices.contains(row.pass) { counts[row.pass] = row.count }
        return zip(names, counts).map { ($0, $1) }
    }
}
