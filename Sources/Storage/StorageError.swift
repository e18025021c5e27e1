/// What a database did not do. `description` is safe to show; SQL and server text are only in `debugDescription`,
/// values nowhere.
public struct StorageError: Error, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    /// What happened, told alike for both databases.
    public enum Code: Sendable, Equatable {
        case uniqueViolation, foreignKey, check
        /// Locked or waiting too long; may be tried again.
        case busy
        /// Serialization failure or deadlock; may be tried again.
        case serialization
        case connectionLost
        /// The server is not the one that was looked at last; it will be looked at within seconds.
        case replaced
        case diskFull
        case readOnly
        case corrupt
        case cannotOpen
        case inUse
        case schemaTooNew(found: Int, known: Int)
        /// The database is not one that Kubewa can use; the sentence says why and what to do.
        case unsuitable(String)
        /// `Database.close` was called.
        case closed
        case other
    }

    public let code: Code
    public let detail: String

    public init(_ code: Code, _ detail: String = "") {
        self.code = code
        self.detail = detail
    }

    public var isRetryable: Bool { code == .busy || code == .serialization }

    public var description: String {
        switch code {
        case .uniqueViolation: "A row with this key exists already."
        case .foreignKey: "A row that this one refers to does not exist."
        case .check: "A value is outside what the database allows."
        case .busy: "The database is busy. Try again."
        case .serialization: "The database asks to try this again."
        case .connectionLost: "The connection to the database is lost. Check that the server runs, then try again."
        case .replaced: "The database is another one than before. It is being looked at; try again in a few seconds."
        case .diskFull: "The disk of the database is full. Make room, then try again; nothing was changed."
        case .readOnly:
            "The database cannot be written. Check the rights of its file and folder, or whether it is a standby."
        case .corrupt: "The database file is damaged or is not a Kubewa database. Restore a copy or name another file."
        case .cannotOpen: "The database could not be opened. Check its path or URL, and its rights."
        case .inUse: "Another kubewa serves this database file. Stop that one, or use PostgreSQL for several nodes."
        case .schemaTooNew(let found, let known):
            "The database was made by a newer kubewa (schema \(found), this one knows \(known)). Use that version."
        case .unsuitable(let sentence): sentence
        case .closed: "The database is closed, because this kubewa is stopping. Try again."
        case .other: "The database refused the statement."
        }
    }

    public var debugDescription: String { "\(code): \(detail)" }
}
