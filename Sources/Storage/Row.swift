import CPostgres
import CSQLite
import Domain

/// A row where it lies, valid inside `forEach` only. Columns count from 0.
public struct Row: ~Copyable {
    enum Source {
        case sqlite(OpaquePointer)
        case postgres(OpaquePointer, row: Int32)
    }
    let source: Source

    /// Whether the column is NULL.
    public func isNull(_ column: Int) -> Bool {
        switch source {
        case .sqlite(let statement): sqlite3_column_type(statement, Int32(column)) == SQLITE_NULL
        case .postgres(let result, let row): PQgetisnull(result, row, Int32(column)) == 1
        }
    }

    /// 0 when NULL; PostgreSQL's bool, int2, int4, int8 are read, and the whole part of a numeric (a sum of int8).
    public func int(_ column: Int) -> Int64 {
        switch source {
        case .sqlite(let statement):
            return sqlite3_column_int64(statement, Int32(column))
        case .postgres(let result, let row):
            guard let start = PQgetvalue(result, row, Int32(column)) else { return 0 }
            let count = Int(PQgetlength(result, row, Int32(column)))
            if PQftype(result, Int32(column)) == PostgresType.numeric {
                return PostgresType.wholeNumber(UnsafeRawBufferPointer(start: start, count: count))
            }
            var value: Int64 = count > 0 && start[0] < 0 ? -1 : 0
            for index in 0..<count { value = value << 8 | Int64(UInt8(bitPattern: start[index])) }
            return value
        }
    }

    /// nil when NULL.
    public func intOrNil(_ column: Int) -> Int64? { isNull(column) ? nil : int(column) }
    /// Flags are stored as 0 and 1; NULL is false.
    public func bool(_ column: Int) -> Bool { int(column) != 0 }

    /// The bytes of a text or blob; empty when NULL.
    public func withBytes<T>(_ column: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> T) rethrows -> T {
        switch source {
        case .sqlite(let statement):
            let start = sqlite3_column_blob(statement, Int32(column))
            let count = Int(sqlite3_column_bytes(statement, Int32(column)))
            return try body(
                UnsafeBufferPointer(start: start?.assumingMemoryBound(to: UInt8.self), count: start == nil ? 0 : count))
        case .postgres(let result, let row):
            let count = Int(PQgetlength(result, row, Int32(column)))
            guard count > 0, let start = PQgetvalue(result, row, Int32(column)) else {
                return try body(UnsafeBufferPointer(start: nil, count: 0))
            }
            return try start.withMemoryRebound(to: UInt8.self, capacity: count) {
                try body(UnsafeBufferPointer(start: $0, count: count))
            }
        }
    }

    /// A copy of the text; empty when NULL.
    public func text(_ column: Int) -> String { withBytes(column) { String(decoding: $0, as: UTF8.self) } }
    /// nil when NULL.
    public func textOrNil(_ column: Int) -> String? { isNull(column) ? nil : text(column) }
    /// A copy of the bytes; empty when NULL.
    public func blob(_ column: Int) -> [UInt8] { withBytes(column) { Array($0) } }
    /// nil when NULL.
    public func blobOrNil(_ column: Int) -> [UInt8]? { isNull(column) ? nil : blob(column) }
    /// From milliseconds since 1970; 1970 itself when NULL.
    public func instant(_ column: Int) -> Instant { Instant(ms: int(column)) }
    /// From milliseconds since 1970; nil when NULL.
    public func instantOrNil(_ column: Int) -> Instant? { intOrNil(column).map(Instant.init(ms:)) }
    /// The id as it was stored, unchecked.
    public func id<Owner>(_ column: Int) -> ID<Owner> { ID(trusted: text(column)) }
    /// The id as it was stored, unchecked; nil when NULL.
    public func idOrNil<Owner>(_ column: Int) -> ID<Owner>? { textOrNil(column).map { ID(trusted: $0) } }
}
