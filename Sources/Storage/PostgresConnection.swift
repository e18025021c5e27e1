import CPostgres
import Domain

/// A connection to a PostgreSQL database. When the server goes away, the statement under way fails with
/// `.connectionLost` and the next one outside a transaction connects again.
final class PostgresConnection: SQLConnection {
    enum Role { case writer, reader }

    static let statementsMax = 256
    /// Waiting longer for another node's row is `.busy`.
    static let lockTimeout = "SET lock_timeout = '5s'"
    /// Tables of work swing from empty to millions of rows, and the server's estimates lag behind: a queue that was
    /// empty when it was last looked at would be read whole, or sorted whole, for every few rows of it. So plans go by
    /// the indexes, in their order, whatever the estimates say. What cannot do without is not compiled for it either,
    /// and no page of rows is worth starting processes for.
    private static let planSettings = """
        SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off; \
        SET max_parallel_workers_per_gather = 0
        """
    /// A node that was frozen in the middle of a unit loses its connection, so that others get its rows.
    private static let writerSettings = """
        SET default_transaction_isolation = 'read committed'; SET default_transaction_read_only = off; \
        SET idle_in_transaction_session_timeout = '20s'; \(lockTimeout); \(planSettings)
        """
    /// Reads are few texts run many times: a plan made once, because planning a partitioned table anew costs more than
    /// its page. `QueryPlanTests` looks at just these plans.
    private static let readerSettings =
        "SET default_transaction_read_only = on; SET plan_cache_mode = force_generic_plan; \(planSettings)"

    let dialect = Dialect.postgres
    private let url: String
    private let role: Role
    private(set) var handle: OpaquePointer?
    private(set) var session = 0
    private var cache = StatementCache<PreparedStatement>(max: statementsMax)
    private var statementsMade = 0
    private var parameters = PostgresParameters()
    /// A transaction was open when the connection went: until it is rolled back, nothing runs outside it by mistake.
    private var isInTransaction = false

    private struct PreparedStatement {
        let name: String
        /// What the server takes for each value.
        let types: [Oid]
    }

    init(url: String, role: Role) throws(StorageError) {
        self.url = url
        self.role = role
        handle = try connect()
    }

    deinit { PQfinish(handle) }

    func script(_ sql: String) throws(StorageError) {
        guard sql != TransactionText.rollback else { return rollBack() }
        let handle = try live()
        let result = PQexec(handle, sql)
        defer { PQclear(result) }
        try check(result, handle, sql)
        if sql == TransactionText.commit, PQcmdStatus(result).map({ String(cString: $0) }) != TransactionText.commit {
            throw StorageError(.other, "rolled back: a statement of the transaction had failed, and that was ignored")
        }
    }

    /// What cannot be rolled back goes with its connection, or every later statement would wait for it.
    private func rollBack() {
        defer { isInTransaction = false }
        guard let handle else { return }
        let result = PQexec(handle, TransactionText.rollback)
        defer { PQclear(result) }
        do { try check(result, handle, TransactionText.rollback) } catch { drop() }
    }

    @discardableResult
    func forEach(_ sql: String, _ values: [SQLValue], _ body: (borrowing Row) throws -> Void) throws -> Int {
        let handle = try live()
        let statement = try statement(sql, values, handle)
        parameters.fill(values, as: statement.types)
        let result = parameters.withPointers { pointers, lengths, formats in
            PQexecPrepared(handle, statement.name, Int32(values.count), pointers, lengths, formats, 1)
        }
        defer { PQclear(result) }
        do {
            try check(result, handle, sql)
        } catch {
            // A changed table may have made the plan useless; the next use prepares it anew.
            if error.code == .serialization { forget(sql, statement, handle) }
            throw error
        }
        guard PQresultStatus(result) == PGRES_TUPLES_OK, let result else {
            return PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0
        }
        let rows = PQntuples(result)
        for row in 0..<rows { try body(Row(source: .postgres(result, row: row))) }
        return Int(rows)
    }

    // MARK: Connecting

    private func live() throws(StorageError) -> OpaquePointer {
        if let handle, PQstatus(handle) == CONNECTION_OK { return handle }
        if isInTransaction { throw StorageError(.connectionLost, "the transaction's connection is gone") }
        drop()
        let made = try connect()
        handle = made
        return made
    }

    private func drop() {
        PQfinish(handle)
        handle = nil
        cache.removeAll()
    }

    private func connect() throws(StorageError) -> OpaquePointer {
        // What stands before the URL may be overridden by it.
        let settings = [
            ("connect_timeout", "10"), ("keepalives_idle", "20"), ("tcp_user_timeout", "30000"),
            ("fallback_application_name", "kubewa"), ("dbname", url), ("client_encoding", "UTF8"),
        ]
        let made = Self.withCStrings(settings.map(\.0)) { keys in
            Self.withCStrings(settings.map(\.1)) { values in PQconnectdbParams(keys, values, 1) }
        }
        guard let made, PQstatus(made) == CONNECTION_OK else {
            let text = PQerrorMessage(made).map { String(cString: $0) } ?? ""
            PQfinish(made)
            throw StorageError(.connectionLost, "connecting: \(text.prefix(300))")
        }
        PQsetNoticeReceiver(made, { _, _ in }, nil)
        let start = role == .reader ? Self.readerSettings : Self.writerSettings
        let result = PQexec(made, start)
        defer { PQclear(result) }
        guard PQresultStatus(result) == PGRES_COMMAND_OK else {
            PQfinish(made)
            throw StorageError(.connectionLost, "connecting: the session could not be set up")
        }
        session += 1
        return made
    }

    /// A null-ended array of C strings.
    private static func withCStrings<T>(_ texts: [String], _ body: ([UnsafePointer<CChar>?]) -> T) -> T {
        func step(_ index: Int, _ pointers: [UnsafePointer<CChar>?]) -> T {
            if index == texts.count { return body(pointers + [nil]) }
            return texts[index].withCString { step(index + 1, pointers + [$0]) }
        }
        return step(0, [])
    }

    /// Refuses a database whose texts do not order by their bytes, as SQLite's do, or are not UTF-8.
    func refuseUnsuitable() throws(StorageError) {
        let how = "Make one: CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'."
        let encoding = PQparameterStatus(handle, "server_encoding").map { String(cString: $0) } ?? ""
        guard encoding == "UTF8" else {
            throw StorageError(.unsuitable("The PostgreSQL database has the encoding \(encoding), not UTF8. \(how)"))
        }
        let result = PQexec(handle, "SELECT datcollate FROM pg_database WHERE datname = current_database()")
        defer { PQclear(result) }
        let collation = PQgetvalue(result, 0, 0).map { String(cString: $0) } ?? ""
        guard ["C", "POSIX"].contains(collation) else {
            throw StorageError(.unsuitable("The PostgreSQL database has LC_COLLATE \(collation), not C. \(how)"))
        }
    }

    // MARK: Statements

    private func statement(
        _ sql: String, _ values: [SQLValue], _ handle: OpaquePointer
    ) throws(StorageError) -> PreparedStatement {
        if let found = cache[sql] {
            let fits = found.types.count == values.count && zip(values, found.types).allSatisfy(PostgresType.fits)
            if fits { return found }
            forget(sql, found, handle)
        }
        let made = try prepare(sql, values, handle)
        if let evicted = cache.insert(made, for: sql) { deallocate(evicted, handle) }
        return made
    }

    /// The types of what is not NULL are given, the others the server infers and tells, so that a statement is
    /// prepared once, whichever of its values are NULL.
    private func prepare(
        _ sql: String, _ values: [SQLValue], _ handle: OpaquePointer
    ) throws(StorageError) -> PreparedStatement {
        statementsMade += 1
        let name = "k\(statementsMade)"
        var types = values.map(PostgresType.of)
        let prepared = PQprepare(handle, name, sql, Int32(types.count), types)
        defer { PQclear(prepared) }
        try check(prepared, handle, sql)
        guard types.contains(PostgresType.inferred) else { return PreparedStatement(name: name, types: types) }
        let described = PQdescribePrepared(handle, name)
        defer { PQclear(described) }
        try check(described, handle, sql)
        for index in types.indices { types[index] = PQparamtype(described, Int32(index)) }
        return PreparedStatement(name: name, types: types)
    }

    private func forget(_ sql: String, _ statement: PreparedStatement, _ handle: OpaquePointer) {
        cache.remove(sql)
        deallocate(statement, handle)
    }

    private func deallocate(_ statement: PreparedStatement, _ handle: OpaquePointer) {
        PQclear(PQexec(handle, "DEALLOCATE \(statement.name)"))
    }

    // MARK: Errors

    private func check(_ result: OpaquePointer?, _ handle: OpaquePointer, _ sql: String) throws(StorageError) {
        switch PQtransactionStatus(handle) {
        case PQTRANS_INTRANS, PQTRANS_INERROR: isInTransaction = true
        case PQTRANS_IDLE: isInTransaction = false
        default: break
        }
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: return
        default:
            let error = Self.error(result, isLost: PQstatus(handle) != CONNECTION_OK, sql)
            // The server says that it ends the session before the session's end is seen.
            if error.code == .connectionLost { drop() }
            throw error
        }
    }

    /// The one place that gives SQLSTATEs a meaning.
    private static func error(_ result: OpaquePointer?, isLost: Bool, _ sql: String) -> StorageError {
        func field(_ code: Character) -> String {
            let number = Int32(code.asciiValue ?? 0)
            return result.flatMap { PQresultErrorField($0, number) }.map { String(cString: $0) } ?? ""
        }
        let state = field("C")
        // Messages of class 22 repeat the value; those of the others name tables and columns only.
        let message = state.hasPrefix("22") ? "" : field("M")
        let detail = "PostgreSQL \(state): \(message) in: \(sql.prefix(300))"
        let meaning: StorageError.Code =
            switch state {
            case "23505": .uniqueViolation
            case "23503": .foreignKey
            case "40001", "40P01", "26000": .serialization
            case "0A000" where field("R") == "RevalidateCachedQuery": .serialization
            case "53100", "58030": .diskFull
            // Somebody else holds it, the server has no more of something, or an operator cancelled it.
            case "55P03", "55006", "57014": .busy
            case _ where state.hasPrefix("53"): .busy
            case "25006": .readOnly
            // The server ends the session: a shutdown, a crash of another session, a limit of time.
            case "25P03": .connectionLost
            case _ where state.hasPrefix("57P"): .connectionLost
            case "XX001", "XX002": .corrupt
            // A protocol violation is a number of values that does not fit, not a lost connection.
            case "08P01": .other
            case _ where isLost || state.hasPrefix("08"): .connectionLost
            case _ where state.hasPrefix("23") || state.hasPrefix("22"): .check
            default: .other
            }
        return StorageError(meaning, detail)
    }
}
