extension DomainError {
    /// `invalidField`: a name that the request does not take, with the nearest one that it does. What is not looked at
    /// would be taken for done: a misspelt filter would send everything.
    /// - Parameter known: in the order in which they are listed where none is near.
    public static func unknown(_ name: String, known: [String]) -> DomainError {
        let shown = String(name.prefix(40))
        if let near = Spelling.nearest(name, among: known) {
            return invalid(shown, "is not taken here. Did you mean `\(near)`?")
        }
        guard !known.isEmpty else { return invalid(shown, "is not taken here; leave it out.") }
        let list = known.map { "`\($0)`" }.joined(separator: ", ")
        return invalid(shown, "is not taken here. Known: \(list).")
    }

    /// Which of the known names a slip of the pen meant; nil where none is near.
    public static func nearest(_ name: String, among known: [String]) -> String? {
        Spelling.nearest(name, among: known)
    }
}

/// Which known name a slip of the pen meant.
enum Spelling {
    private static let lengthMax = 40

    /// The name that begins as this one does, or else the one with the fewest letters changed; nil where none is near.
    static func nearest(_ name: String, among known: [String]) -> String? {
        let name = name.lowercased().replacing("-", with: "_")
        guard (2...lengthMax).contains(name.count) else { return nil }
        let related = known.filter { name.count > 2 && ($0.hasPrefix(name) || name.hasPrefix($0)) }
        let near = known.map { (name: $0, changes: changes(Array(name.utf8), Array($0.utf8))) }
            .min { $0.changes < $1.changes }
        if let near, near.changes <= max(1, min(3, name.count / 3)) { return near.name }
        return related.first
    }

    /// Letters put in, left out or exchanged between two words; two that changed places are one.
    static func changes(_ one: [UInt8], _ other: [UInt8]) -> Int {
        var rows = [Array(0...other.count)]
        for (i, letter) in one.enumerated() {
            var row = [i + 1]
            for (j, with) in other.enumerated() {
                var least = min(rows[i][j] + (letter == with ? 0 : 1), rows[i][j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, letter == other[j - 1], one[i - 1] == with {
                    least = min(least, rows[i - 1][j - 1] + 1)
                }
                row.append(least)
            }
            rows.append(row)
        }
        return rows[one.count][other.count]
    }
}
