import Domain

/// One connection to a database. It is not `Sendable`: it lives on its own thread (`BlockingExecutor`), and
/// code reaches it only inside `Database.read` and `Database.write`.
///
/// Statements are prepared once per connection and text. Placeholders are `$1…$n` on both databases.
public protocol SQLConnection: AnyObject {
    var dialect: Dialect { get }
    /// Counts how often it connected; the first time is 1.
    var session: Int { get }

    /// Runs several statements without values, as migrations have them.
    func script(_ sql: String) throws(StorageError)

    /// Runs one statement and shows each row where it lies; nothing is copied that `body` does not read.
    /// - Returns: rows changed, or read.
    @discardableResult
    func forEach(_ sql: String, _ values: [SQLValue], _ body: (borrowing Row) throws -> Void) throws -> Int
}

extension SQLConnection {
    /// Runs one statement for its effect.
    /// - Returns: rows changed.
    @discardableResult
    public func run(_ sql: String, _ values: [SQLValue] = []) throws -> Int {
        try forEach(sql, values) { _ in }
    }

    /// Every row as `map` makes it, in memory at once: the statement itself must limit.
    public func query<T>(_ sql: String, _ values: [SQLValue] = [], _ map: (borrowing Row) throws -> T) throws -> [T] {
        var found: [T] = []
        try forEach(sql, values) { row in found.append(try map(row)) }
        return found
    }

    /// The first row, if there is one. The statement itself limits.
    public func first<T>(_ sql: String, _ values: [SQLValue] = [], _ map: (borrowing Row) throws -> T) throws -> T? {
        try query(sql, values, map).first
    }
}

/// The few ways in which the two databases differ in shared texts.
public enum Dialect: Sendable {
    case sqlite, postgres

    /// The clause that a claiming sub-select ends with. Rows that refer to a lane hold its key until their commit:
    /// a claim takes all but the key, so that it passes over no lane for them.
    public var rowLock: String { self == .postgres ? "FOR NO KEY UPDATE SKIP LOCKED" : "" }
}

/// A value for a placeholder. The array cases are for PostgreSQL's `unnest` and exist only under `Hot/`.
public enum SQLValue: Sendable, Equatable {
    case null
    case integer(Int64)
    case string(String)
    case bytes([UInt8])
    case integers([Int64?])
    case strings([String?])
    case byteArrays([[UInt8]?])

    /// nil is NULL.
    public static func int(_ value: Int64?) -> SQLValue { value.map(SQLValue.integer) ?? .null }
    /// A whole number.
    public static func int(_ value: Int) -> SQLValue { .integer(Int64(value)) }
    /// 0 or 1: both databases keep flags as integers.
    public static func flag(_ value: Bool) -> SQLValue { .integer(value ? 1 : 0) }
    /// nil is NULL.
    public static func text(_ value: String?) -> SQLValue { value.map(SQLValue.string) ?? .null }
    /// nil is NULL.
    public static func blob(_ value: [UInt8]?) -> SQLValue { value.map(SQLValue.bytes) ?? .null }
    /// The id's hexadecimal text; nil is NULL.
    public static func id<Owner>(_ value: ID<Owner>?) -> SQLValue { .text(value?.hex) }
    /// Milliseconds since 1970; nil is NULL.
    public static func at(_ value: Instant?) -> SQLValue { .int(value?.ms) }
    /// `YYYY-MM-DD`; nil is NULL.
    public static func day(_ value: LocalDate?) -> SQLValue { .text(value?.iso) }
}
