import Domain

/// Adds to the counts of `id_trust`: the units of a group that saw one bank are summed before they meet its row.
enum TrustCounts {
    /// Beyond so many rows the older half counts half, so that a bank can win trust back.
    private static let rowsMax = 4096

    private static let tail = """
        ON CONFLICT (environment_id, connector, institution) DO UPDATE SET
            kept = \(aged("kept")), changed = \(aged("changed")), reused = \(aged("reused")),
            missing = \(aged("missing")), updated_at_ms = excluded.updated_at_ms
        """

    private static func aged(_ column: String) -> String {
        """
        CASE WHEN id_trust.kept + id_trust.changed + id_trust.reused > \(rowsMax) THEN id_trust.\(column) / 2
            ELSE id_trust.\(column) END + excluded.\(column)
        """
    }

    private static let columns = "environment_id, connector, institution, kept, changed, reused, missing, updated_at_ms"

    static let add = BulkStatement(
        order: 2, name: "id_trust add",
        types: [.bigint, .text, .text, .bigint, .bigint, .bigint, .bigint, .bigint],
        postgres: """
            INSERT INTO id_trust (\(columns))
            SELECT t.environment_id, t.connector, t.institution, SUM(t.kept), SUM(t.changed), SUM(t.reused),
                SUM(t.missing), MAX(t.updated_at_ms)
            FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
                $8::bigint[]) AS t (\(columns))
            GROUP BY t.environment_id, t.connector, t.institution
            ORDER BY t.environment_id, t.connector, t.institution \(tail)
            """,
        sqlite: "INSERT INTO id_trust (\(columns)) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \(tail)")
}
