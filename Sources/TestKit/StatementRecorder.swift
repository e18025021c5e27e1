import Domain
import Storage

/// A connection that keeps what the stores run on it, so that a test asks for the plans of the very statements and
/// values that are used.
public final class StatementRecorder: SQLConnection {
    public private(set) var statements: [(sql: String, values: [SQLValue])] = []
    private let inner: any SQLConnection
    public var dialect: Dialect { inner.dialect }
    public var session: Int { inner.session }

    public init(_ inner: any SQLConnection) { self.inner = inner }

    public func script(_ sql: String) throws(StorageError) { try inner.script(sql) }

    @discardableResult
    public func forEach(_ sql: String, _ values: [SQLValue], _ body: (borrowing Row) throws -> Void) throws -> Int {
        statements.append((sql, values))
        return try inner.forEach(sql, values, body)
    }

    /// The statements with the plans that this connection makes for them.
    public func plans() throws -> [(sql: String, plan: String)] {
        try statements.map { ($0.sql, try plan($0.sql, $0.values)) }
    }

    private func plan(_ sql: String, _ values: [SQLValue]) throws -> String {
        switch dialect {
        case .sqlite:
            return try inner.query("EXPLAIN QUERY PLAN \(sql)", values) { $0.text(3) + "\n" }.joined()
        case .postgres:
            // Prepared, as the stores' statements are: a plan for all values must be as good as one for these.
            let types = values.map(Self.type).joined(separator: ", ")
            try inner.script("PREPARE asked\(values.isEmpty ? "" : " (\(types))") AS \(sql)")
            let given = values.isEmpty ? "" : "(\(values.map(Self.literal).joined(separator: ", ")))"
            let plan = try inner.query("EXPLAIN EXECUTE asked\(given)", []) { $0.text(0) + "\n" }.joined()
            try inner.script("DEALLOCATE asked")
            return plan
        }
    }

    private static func type(_ value: SQLValue) -> String {
        switch value {
        case .integer: "bigint"
        case .integers: "bigint[]"
        case .bytes: "bytea"
        case .byteArrays: "bytea[]"
        case .strings: "text[]"
        case .string: "text"
        case .null: "unknown"
        }
    }

    private static func literal(_ value: SQLValue) -> String {
        switch value {
        case .null: "NULL"
        case .integer(let number): "\(number)"
        case .string(let text): "'\(text)'"
        case .bytes(let bytes): "'\\x\(Hex.encode(bytes))'"
        case .integers(let list): "ARRAY[\(list.map { literal(.int($0)) }.joined(separator: ","))]::bigint[]"
        case .strings(let list): "ARRAY[\(list.map { literal(.text($0)) }.joined(separator: ","))]::text[]"
        case .byteArrays(let list): "ARRAY[\(list.map { literal(.blob($0)) }.joined(separator: ","))]::bytea[]"
        }
    }
}
