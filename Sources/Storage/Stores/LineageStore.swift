import Domain

/// Lineage, rulings and the measured trust in banks' ids.
public enum LineageStore {
    /// Entries of one transaction that are read at most.
    public static let entriesMax = 200
    static let rulingsMax = 2000

    // MARK: lineage

    private static let insert = BulkStatement.insert(
        order: 35, into: "transaction_lineage",
        [
            ("environment_id", .bigint), ("transaction_id", .text), ("id", .text), ("account_id", .text),
            ("kind", .text), ("rule", .text), ("confidence", .bigint), ("other_id", .text), ("upstream_before", .text),
            ("upstream_after", .text), ("facts_before", .text), ("facts_other", .text), ("at_ms", .bigint),
        ])

    /// Adds entries; the group writes them set-based.
    public static func append(
        _ entries: [LineageEntry], of account: ID<Account>, _ scope: Scope, _ tx: Transaction
    ) {
        for entry in entries {
            let place: [SQLValue] = [
                .integer(scope.environmentID), .id(entry.transaction), .id(entry.id), .id(account),
            ]
            tx.append(
                insert,
                place + [
                    .text(entry.kind.rawValue), .text(entry.match.rule.rawValue), .int(entry.match.confidence),
                    .id(entry.other), .text(entry.upstreamBefore), .text(entry.upstreamAfter),
                    .text(entry.before.map(LineageFacts.text)), .text(entry.otherBefore.map(LineageFacts.text)),
                    .at(entry.at),
                ])
        }
    }

    private static let listSQL = """
        SELECT id, transaction_id, kind, rule, confidence, other_id, upstream_before, upstream_after, facts_before,
            facts_other, at_ms, undone_at_ms
        FROM transaction_lineage WHERE environment_id = $1 AND transaction_id = $2 ORDER BY at_ms, id LIMIT $3
        """

    /// A transaction's entries, oldest first.
    public static func list(
        _ transaction: ID<FetchedTransaction>, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [LineageEntry] {
        try db.query(listSQL, [.integer(scope.environmentID), .id(transaction), .int(entriesMax)]) { row in
            LineageEntry(
                id: row.id(0), transaction: row.id(1), kind: .init(rawValue: row.text(2)) ?? .matched,
                match: Match(MatchRule(rawValue: row.text(3)) ?? .id, Int(row.int(4))),
                other: row.textOrNil(5).map { ID(trusted: $0) }, upstreamBefore: row.textOrNil(6),
                upstreamAfter: row.textOrNil(7), before: row.textOrNil(8).flatMap(LineageFacts.row),
                otherBefore: row.textOrNil(9).flatMap(LineageFacts.row), at: row.instant(10),
                undoneAt: row.instantOrNil(11))
        }
    }

    /// Marks entries of a transaction as undone.
    public static func undo(
        _ entries: [ID<LineageEntry>], of transaction: ID<FetchedTransaction>, at now: Instant, _ scope: Scope,
        _ tx: Transaction
    ) throws {
        for id in entries {
            try tx.db.run(
                """
                UPDATE transaction_lineage SET undone_at_ms = $4
                WHERE environment_id = $1 AND transaction_id = $2 AND id = $3 AND undone_at_ms IS NULL
                """, [.integer(scope.environmentID), .id(transaction), .id(id), .at(now)])
        }
    }

    // MARK: rulings

    /// What was ruled of an account's rows.
    public static func rulings(
        _ account: ID<Account>, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [Ruling] {
        try db.query(
            """
            SELECT kind, transaction_id, upstream_id, content FROM transaction_ruling
            WHERE environment_id = $1 AND account_id = $2 ORDER BY id DESC LIMIT $3
            """, [.integer(scope.environmentID), .id(account), .int(rulingsMax)]
        ) { row in
            Ruling(
                Ruling.Kind(rawValue: row.text(0)) ?? .apart, row.id(1),
                RowPrint(upstreamID: row.textOrNil(2), content: row.text(3)))
        }
    }

    /// Remembers rulings between two transactions, in place of what was ruled of the two before.
    public static func rule(
        _ rulings: [(id: ID<Ruling>, ruling: Ruling)],
        between pair: (ID<FetchedTransaction>, ID<FetchedTransaction>), of account: ID<Account>, at now: Instant,
        _ scope: Scope, _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            DELETE FROM transaction_ruling WHERE environment_id = $1 AND account_id = $2
                AND ((transaction_id = $3 AND other_id = $4) OR (transaction_id = $4 AND other_id = $3))
            """, [.integer(scope.environmentID), .id(account), .id(pair.0), .id(pair.1)])
        for (id, ruling) in rulings {
            try tx.db.run(
                """
                INSERT INTO transaction_ruling (environment_id, account_id, id, kind, transaction_id, other_id,
                    upstream_id, content, at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                """,
                [
                    .integer(scope.environmentID), .id(account), .id(id), .text(ruling.kind.rawValue),
                    .id(ruling.transaction), .id(ruling.transaction == pair.0 ? pair.1 : pair.0),
                    .text(ruling.row.upstreamID), .text(ruling.row.content), .at(now),
                ])
        }
    }

    /// Keeps refreshes of a connection's lane out until this transaction ends: each of theirs begins at the lane's row.
    public static func lockLane(of connection: ID<Connection>, _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            """
            UPDATE lane SET lease_token = lease_token WHERE id = (
                SELECT s.lane_id FROM refresh_schedule s WHERE s.environment_id = $1 AND s.connection_id = $2)
            """, [.integer(scope.environmentID), .id(connection)])
    }

    // MARK: trust

    /// How a bank's ids behaved in this environment.
    public static func trust(
        connector: String, institution: String, _ scope: Scope, _ db: any SQLConnection
    ) throws -> IdTrust {
        try db.first(
            """
            SELECT kept, changed, reused, missing FROM id_trust
            WHERE environment_id = $1 AND connector = $2 AND institution = $3
            """, [.integer(scope.environmentID), .text(connector), .text(institution)], trust) ?? .unknown
    }

    private static func trust(_ row: borrowing Row) -> IdTrust {
        IdTrust(kept: row.int(0), changed: row.int(1), reused: row.int(2), missing: row.int(3))
    }

    /// Every measured bank of an environment: connector, institution and counts.
    public static func trusts(
        limit: Int, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [(connector: String, institution: String, trust: IdTrust)] {
        try db.query(
            """
            SELECT kept, changed, reused, missing, connector, institution FROM id_trust WHERE environment_id = $1
            ORDER BY connector, institution LIMIT $2
            """, [.integer(scope.environmentID), .int(limit)]
        ) { row in (row.text(4), row.text(5), trust(row)) }
    }

    /// Adds what a step saw.
    public static func count(
        _ seen: IdTrust, connector: String, institution: String, at now: Instant, _ scope: Scope, _ tx: Transaction
    ) {
        guard seen.kept + seen.changed + seen.reused > 0 else { return }
        tx.append(
            TrustCounts.add,
            [
                .integer(scope.environmentID), .text(connector), .text(institution), .integer(seen.kept),
                .integer(seen.changed), .integer(seen.reused), .integer(seen.missing), .at(now),
            ])
    }

    // MARK: erasure

    static let eraseSQL = [
        """
        DELETE FROM transaction_lineage WHERE (environment_id, transaction_id, id) IN (
            SELECT environment_id, transaction_id, id FROM transaction_lineage
            WHERE environment_id = $1 AND account_id = $2 LIMIT $3)
        """,
        """
        DELETE FROM transaction_ruling WHERE (environment_id, account_id, id) IN (
            SELECT environment_id, account_id, id FROM transaction_ruling
            WHERE environment_id = $1 AND account_id = $2 LIMIT $3)
        """,
    ]

    /// A bounded part of what is kept of an account.
    /// - Returns: rows taken away.
    static func erase(account: String, limit: Int, _ scope: Scope, _ tx: Transaction) throws -> Int {
        var count = 0
        for sql in eraseSQL {
            count += try tx.db.run(sql, [.integer(scope.environmentID), .text(account), .int(limit)])
        }
        return count
    }
}

/// A transaction's facts as text.
enum LineageFacts {
    static func text(_ row: FetchedTransaction) -> String {
        var out = JSONWriter()
        out.object { out in
            out.member("id", row.upstreamID)
            out.member("status", row.status.rawValue)
            out.member("minor", row.amount.minor)
            out.member("currency", row.amount.currency.code)
            out.member("day", row.bookedOn.iso)
            out.member("at", row.occurredAt?.ms)
            out.member("text", row.text)
            out.member("counterparty", row.counterparty)
            out.member("reference", row.reference)
            out.member("channel", row.channel)
            out.member("branch", row.branch)
            out.member("code", row.code)
            out.member("running", row.runningBalance?.minor)
        }
        return out.text
    }

    /// nil for what this did not write.
    static func row(_ text: String) -> FetchedTransaction? {
        guard let facts = parsed(text), let minor = integer(facts["minor"]),
            let currency = facts["currency"]?.text.map({ Currency(code: $0) }),
            let day = facts["day"]?.text.flatMap({ LocalDate($0) }),
            let status = facts["status"]?.text.flatMap({ TransactionStatus(rawValue: $0) })
        else { return nil }
        return FetchedTransaction(
            upstreamID: facts["id"]?.text, status: status, amount: Money(minor: minor, currency: currency),
            bookedOn: day, occurredAt: integer(facts["at"]).map { Instant(ms: $0) },
            text: facts["text"]?.text ?? "", counterparty: facts["counterparty"]?.text,
            reference: facts["reference"]?.text, channel: facts["channel"]?.text, branch: facts["branch"]?.text,
            code: facts["code"]?.text,
            runningBalance: integer(facts["running"]).map { Money(minor: $0, currency: currency) })
    }

    private static func parsed(_ text: String) -> [String: JSONValue]? {
        do { return try JSONValue(parsing: Array(text.utf8)).members } catch { return nil }
    }

    private static func integer(_ value: JSONValue?) -> Int64? {
        if case .integer(let number)? = value { number } else { nil }
    }
}
