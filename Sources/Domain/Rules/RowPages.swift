/// Rows that one walk over a bank's pages brought more than once.
enum RowPages {
    /// A row that moved to the next page while pages were read comes twice with one id: the later word counts. Two rows
    /// that cannot be one transaction stay two, though they share the id.
    /// - Returns: the rows, without ids that are blank, and the ids that several of them share.
    static func once(
        _ rows: [FetchedTransaction], _ level: IdTrust.Level
    ) -> (rows: [FetchedTransaction], repeated: Set<String>) {
        var counts: [String: Int] = [:]
        for row in rows { if let id = row.upstreamID { counts[id, default: 0] += 1 } }
        guard counts.count < rows.count || counts.keys.contains(where: isBlank) else { return (rows, []) }
        let repeated = contradicted(rows, counts)
        var places: [String: [Int]] = [:]
        var kept: [FetchedTransaction] = []
        for row in rows {
            var row = row
            guard let id = row.upstreamID, !isBlank(id) else {
                row.upstreamID = nil
                kept.append(row)
                continue
            }
            let isCertain = level != .reused && !repeated.contains(id)
            let known = (places[id] ?? []).suffix(Matcher.holdersMax).first {
                isCertain ? isOne(kept[$0], row) : isTwice(kept[$0], row)
            }
            if let known {
                kept[known] = kept[known].status == .booked && row.status == .pending ? kept[known] : row
            } else {
                places[id, default: []].append(kept.count)
                kept.append(row)
            }
        }
        return (kept, repeated)
    }

    private static func isBlank(_ id: String) -> Bool { id.utf8.allSatisfy { $0 <= 32 } }

    private static func contradicted(_ rows: [FetchedTransaction], _ counts: [String: Int]) -> Set<String> {
        var first: [String: FetchedTransaction] = [:]
        var found: Set<String> = []
        for row in rows {
            guard let id = row.upstreamID, counts[id] ?? 0 > 1, !isBlank(id) else { continue }
            if let known = first[id] {
                if !isOne(known, row) { found.insert(id) }
            } else {
                first[id] = row
            }
        }
        return found
    }

    private static func isOne(_ one: FetchedTransaction, _ other: FetchedTransaction) -> Bool {
        !Reconciler.isBalanceOther(one, other) && Reconciler.isSimilar(one.text, other.text)
            && (Reconciler.agrees(one, other) || Reconciler.agrees(other, one))
    }

    /// Where ids say nothing, only the running balance tells one row that came twice from two equal ones.
    private static func isTwice(_ one: FetchedTransaction, _ other: FetchedTransaction) -> Bool {
        Reconciler.isBalanceSame(one, other) && Reconciler.isSameContent(one, other)
    }
}
