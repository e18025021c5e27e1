import CSQLite
import Domain
import Glibc

/// A connection to an SQLite file.
final class SQLiteConnection: SQLConnection {
    enum Role { case writer, reader }

    static let statementsMax = 256
    static let busyTimeoutMs: Int32 = 5000
    static let mapBytes = 256 << 20

    let dialect = Dialect.sqlite
    let session = 1
    private let handle: OpaquePointer
    private var cache = StatementCache<SQLiteStatement>(max: statementsMax)

    /// - Parameter role: the writer makes the file when there is none; a reader finds it there.
    init(path: String, role: Role) throws(StorageError) {
        if role == .writer { try Self.makePrivateFile(path) }
        var opened: OpaquePointer?
        let flags = role == .writer ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY
        // No mutex in SQLite: a connection never leaves its thread.
        let code = sqlite3_open_v2(path, &opened, flags | SQLITE_OPEN_NOMUTEX, nil)
        guard code == SQLITE_OK, let opened else {
            let error = Self.error(code, opened, sql: "open")
            sqlite3_close_v2(opened)
            throw error
        }
        handle = opened
        sqlite3_extended_result_codes(handle, 1)
        sqlite3_busy_timeout(handle, Self.busyTimeoutMs)
        try script(
            """
            PRAGMA synchronous = FULL;
            PRAGMA foreign_keys = ON;
            PRAGMA case_sensitive_like = ON;
            PRAGMA temp_store = MEMORY;
            PRAGMA mmap_size = \(Self.mapBytes);
            PRAGMA cache_size = \(role == .writer ? -32_768 : -8_192);
            """)
        // The first look at the file: a damaged one is found here.
        try script(
            role == .writer
                ? "PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 4000;"
                : "PRAGMA schema_version;")
    }

    deinit {
        cache.removeAll()
        sqlite3_close_v2(handle)
    }

    func script(_ sql: String) throws(StorageError) {
        // After some errors SQLite has rolled back by itself.
        if sql == TransactionText.rollback, isAutocommit { return }
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        if code != SQLITE_OK { throw Self.error(code, handle, sql: sql) }
    }

    @discardableResult
    func forEach(_ sql: String, _ values: [SQLValue], _ body: (borrowing Row) throws -> Void) throws -> Int {
        let statement = try statement(sql)
        statement.isBusy = true
        defer { statement.release() }
        try statement.bind(values, handle)
        let changesBefore = sqlite3_total_changes64(handle)
        var rows = 0
        while true {
            switch sqlite3_step(statement.handle) {
            case SQLITE_ROW:
                rows += 1
                try body(Row(source: .sqlite(statement.handle)))
            case SQLITE_DONE:
                if statement.returnsRows { return rows }
                // `sqlite3_changes` keeps the count of the last DML; it is ours only if the total moved.
                return sqlite3_total_changes64(handle) == changesBefore ? 0 : Int(sqlite3_changes64(handle))
            case let code:
                throw Self.error(code, handle, sql: sql)
            }
        }
    }

    /// False while a transaction is open.
    var isAutocommit: Bool { sqlite3_get_autocommit(handle) != 0 }

    private func statement(_ sql: String) throws(StorageError) -> SQLiteStatement {
        if let found = cache[sql] {
            // A statement that runs inside its own `forEach` gets a second copy, which is not kept.
            return found.isBusy ? try SQLiteStatement(sql, handle) : found
        }
        let made = try SQLiteStatement(sql, handle)
        _ = cache.insert(made, for: sql)
        return made
    }

    private static func makePrivateFile(_ path: String) throws(StorageError) {
        let file = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw fileError("make or open the file") }
        Glibc.close(file)
    }

    /// What `errno` says about a file.
    static func fileError(_ what: String) -> StorageError {
        switch errno {
        case ENOSPC, EDQUOT: StorageError(.diskFull, what)
        case EROFS: StorageError(.readOnly, what)
        case let code: StorageError(.cannotOpen, "\(what): \(String(cString: strerror(code)))")
        }
    }

    /// The one place that gives SQLite's result codes a meaning.
    static func error(_ code: Int32, _ handle: OpaquePointer?, sql: String) -> StorageError {
        let text = handle.flatMap { sqlite3_errmsg($0) }.map { String(cString: $0) } ?? ""
        let detail = "SQLite \(code): \(text) in: \(sql.prefix(300))"
        let meaning: StorageError.Code =
            switch code {
            case SQLITE_CONSTRAINT_UNIQUE_, SQLITE_CONSTRAINT_PRIMARYKEY_, SQLITE_CONSTRAINT_ROWID_: .uniqueViolation
            case SQLITE_CONSTRAINT_FOREIGNKEY_: .foreignKey
            case SQLITE_BUSY_SNAPSHOT_: .serialization
            default:
                switch code & 0xff {
                case SQLITE_CONSTRAINT, SQLITE_MISMATCH: .check
                case SQLITE_BUSY, SQLITE_LOCKED: .busy
                case SQLITE_FULL: .diskFull
                case SQLITE_READONLY: .readOnly
                case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt
                case SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_AUTH: .cannotOpen
                case SQLITE_IOERR where errno == ENOSPC: .diskFull
                default: .other
                }
            }
        return StorageError(meaning, detail)
    }

    // The extended codes are macros with arithmetic, which Swift does not import.
    private static let SQLITE_CONSTRAINT_UNIQUE_ = SQLITE_CONSTRAINT | 8 << 8
    private static let SQLITE_CONSTRAINT_PRIMARYKEY_ = SQLITE_CONSTRAINT | 6 << 8
    private static let SQLITE_CONSTRAINT_ROWID_ = SQLITE_CONSTRAINT | 10 << 8
    private static let SQLITE_CONSTRAINT_FOREIGNKEY_ = SQLITE_CONSTRAINT | 3 << 8
    private static let SQLITE_BUSY_SNAPSHOT_ = SQLITE_BUSY | 2 << 8
}

/// A prepared statement and where its `$n` go.
private final class SQLiteStatement {
    let handle: OpaquePointer
    let returnsRows: Bool
    var isBusy = false
    /// For each of SQLite's places, which of the values goes there.
    private let places: [Int]
    private let valuesCount: Int
    private let sql: String

    init(_ sql: String, _ connection: OpaquePointer) throws(StorageError) {
        var made: OpaquePointer?
        let code = sqlite3_prepare_v3(connection, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &made, nil)
        guard code == SQLITE_OK else { throw SQLiteConnection.error(code, connection, sql: sql) }
        guard let made else { throw StorageError(.other, "an empty statement") }
        var places: [Int] = []
        for place in 0..<sqlite3_bind_parameter_count(made) {
            let name = sqlite3_bind_parameter_name(made, place + 1).map { String(cString: $0) } ?? ""
            guard name.hasPrefix("$"), let number = Int(name.dropFirst()), number > 0 else {
                sqlite3_finalize(made)
                throw StorageError(.other, "placeholders are $1…$n: \(sql.prefix(300))")
            }
            places.append(number - 1)
        }
        handle = made
        returnsRows = sqlite3_column_count(made) > 0
        valuesCount = (places.max() ?? -1) + 1
        self.places = places
        self.sql = sql
    }

    deinit { sqlite3_finalize(handle) }

    func release() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
        isBusy = false
    }

    func bind(_ values: [SQLValue], _ connection: OpaquePointer) throws(StorageError) {
        guard values.count == valuesCount else {
            throw StorageError(.other, "\(valuesCount) values are needed, \(values.count) given: \(sql.prefix(300))")
        }
        for (place, index) in places.enumerated() {
            let code = try bind(values[index], Int32(place + 1))
            guard code == SQLITE_OK else { throw SQLiteConnection.error(code, connection, sql: sql) }
        }
    }

    private func bind(_ value: SQLValue, _ place: Int32) throws(StorageError) -> Int32 {
        switch value {
        case .null:
            return sqlite3_bind_null(handle, place)
        case .integer(let number):
            return sqlite3_bind_int64(handle, place, number)
        case .string(var text):
            let code = text.withUTF8 { bytes -> Int32? in
                // PostgreSQL takes no NUL in a text; neither do we here, so that both databases hold the same.
                if bytes.contains(0) { return nil }
                guard let start = bytes.baseAddress else { return sqlite3_bind_text(handle, place, "", 0, nil) }
                return start.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
                    sqlite3_bind_text64(handle, place, $0, UInt64(bytes.count), Self.copied, UInt8(SQLITE_UTF8))
                }
            }
            guard let code else { throw StorageError(.check, "a text with a NUL character") }
            return code
        case .bytes(let bytes):
            if bytes.isEmpty { return sqlite3_bind_zeroblob(handle, place, 0) }
            return bytes.withUnsafeBytes {
                sqlite3_bind_blob64(handle, place, $0.baseAddress, UInt64($0.count), Self.copied)
            }
        case .integers, .strings, .byteArrays:
            throw StorageError(.other, "arrays are for PostgreSQL: \(sql.prefix(300))")
        }
    }

    /// SQLITE_TRANSIENT: SQLite takes a copy.
    private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
}
