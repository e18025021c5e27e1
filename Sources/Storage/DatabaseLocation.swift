/// Where a database is: an SQLite file or a PostgreSQL server.
public enum DatabaseLocation: Sendable, Equatable, CustomStringConvertible {
    case sqlite(path: String)
    case postgres(url: String)

    /// Reads `postgres://…`, `postgresql://…`, `sqlite:path` or a bare path.
    /// - Throws: `.unsuitable` with a sentence that says what to write.
    public init(_ text: String) throws(StorageError) {
        if text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") {
            self = .postgres(url: text)
            return
        }
        var path = text
        if path.hasPrefix("sqlite:") { path.removeFirst("sqlite:".count) }
        if path.hasPrefix("///") { path.removeFirst(2) }
        let isPath = !path.isEmpty && !path.hasPrefix("//") && !path.hasSuffix("/")
        guard isPath, !path.contains("://"), path != ":memory:" else {
            throw StorageError(
                .unsuitable("“\(Self.safe(text))” is no database: give a file or postgres://user@host:5432/name."))
        }
        self = .sqlite(path: path)
    }

    public var dialect: Dialect {
        switch self {
        case .sqlite: .sqlite
        case .postgres: .postgres
        }
    }

    /// Safe to show: a password in the URL is left out.
    public var description: String {
        switch self {
        case .sqlite(let path): path
        case .postgres(let url): Self.safe(url)
        }
    }

    private static func safe(_ url: String) -> String {
        let parts = url.split(separator: "?", maxSplits: 1)
        // Options may carry a password too.
        let query = parts.count > 1 ? "?…" : ""
        let pieces = (parts.first ?? "").split(separator: "@", omittingEmptySubsequences: false)
        guard pieces.count > 1, let host = pieces.last else { return (parts.first ?? "") + query }
        let login = pieces.dropLast().joined(separator: "@")
        // `scheme://user:password` holds its second colon before the password.
        let user = login.split(separator: ":", omittingEmptySubsequences: false).prefix(2).joined(separator: ":")
        return "\(user)@\(host)\(query)"
    }
}
