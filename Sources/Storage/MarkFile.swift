import Domain
import Glibc

/// A mark outside of the database: a small file beside it that a restored copy does not bring along.
public struct MarkFile: Sendable {
    public let path: String
    /// The database's own file; nil where it is a server.
    private let file: String?

    /// - Parameter data: the folder for the marks of servers' databases.
    public init(_ location: DatabaseLocation, data: String, database: String) {
        switch location {
        case .sqlite(let path):
            self.path = path + ".mark"
            file = path
        case .postgres:
            path = "\(data)/\(database.isEmpty ? "unknown" : database).mark"
            file = nil
        }
    }

    /// Which file the database is: another one may have been put in its place. Empty for a server. The number of a file
    /// that was removed may be given again, so this is a further sign and not the only one.
    public var identity: String {
        guard let file else { return "" }
        var facts = stat()
        return stat(file, &facts) == 0 ? String(facts.st_ino) : ""
    }

    /// nil where there is none, or none that can be read.
    public func read() -> OutsideMark? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = Glibc.read(file, &bytes, bytes.count)
        return count > 0 ? OutsideMark(text: String(decoding: bytes.prefix(count), as: UTF8.self)) : nil
    }

    /// Replaces the mark, whole or not at all, also where the machine loses power.
    public func write(_ mark: OutsideMark) throws(StorageError) {
        let draft = "\(path).\(getpid()).new"
        let file = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw problem() }
        let text = Array(mark.text.utf8)
        let isWritten = Glibc.write(file, text, text.count) == text.count && fsync(file) == 0
        close(file)
        guard isWritten, rename(draft, path) == 0 else {
            let error = problem()
            unlink(draft)
            throw error
        }
    }

    private func problem() -> StorageError {
        StorageError(
            .unsuitable("The file \(path) cannot be written: \(String(cString: strerror(errno))). Check its folder."))
    }
}
