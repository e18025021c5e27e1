import Crypto
import Domain
import FoundationEssentials
import Glibc

/// Why the vault does not open. Every sentence says what to do and shows no key.
public enum VaultError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The database holds sealed secrets, but there is no key.
    case keyMissing(where: String)
    /// The database was sealed under another key.
    case keyDiffers(where: String)
    /// What should be the key is not 32 bytes of base64 or hex.
    case keyUnreadable(where: String)
    case keyFile(path: String, problem: String)
    /// The data key was shredded: the secret is gone for good.
    case shredded
    /// The sealed bytes were changed, or belong to another environment, connection or purpose.
    case damaged

    public var description: String {
        switch self {
        case .keyMissing(let place):
            """
            The database holds sealed secrets, but \(place) has no master key. Put the key of this database there; \
            without it the secrets cannot be opened.
            """
        case .keyDiffers(let place):
            """
            The master key in \(place) is not the one that sealed this database. Put the right key there, the same \
            on every node, or name another database.
            """
        case .keyUnreadable(let place):
            "The master key in \(place) must be 32 bytes, written as 64 hex digits or as base64."
        case .keyFile(let path, let problem): "The master key file \(path) cannot be used: \(problem)."
        case .shredded: "The key of this secret was destroyed, so it cannot be opened any more."
        case .damaged: "The sealed secret does not open: it was changed, or it belongs somewhere else."
        }
    }
}

/// Where the key comes from that wraps all others. It is never in the database.
public enum MasterKeySource: Sendable {
    /// A file of 64 hex digits, made with mode 0600 when the database holds nothing sealed yet.
    case file(path: String)
    /// The text of an environment variable: hex or base64 of 32 bytes.
    case value(String, variable: String)

    static let bytesCount = 32

    var place: String {
        switch self {
        case .file(let path): path
        case .value(_, let variable): variable
        }
    }

    /// - Parameter mayMake: nothing is sealed yet, so that a new key locks nobody out.
    func load(mayMake: Bool, random: (Int) -> [UInt8]) throws(VaultError) -> SymmetricKey {
        switch self {
        case .value(let text, let variable):
            if text.isEmpty { throw .keyMissing(where: variable) }
            return try Self.key(text, place: variable)
        case .file(let path):
            if let text = try Self.readFile(path) { return try Self.key(text, place: path) }
            guard mayMake else { throw .keyMissing(where: path) }
            return try Self.make(path, random(Self.bytesCount))
        }
    }

    private static func key(_ text: String, place: String) throws(VaultError) -> SymmetricKey {
        let trimmed = String(text.filter { !$0.isWhitespace })
        let bytes = Hex.decode(trimmed) ?? Data(base64Encoded: trimmed).map { Array($0) } ?? []
        guard bytes.count == bytesCount else { throw .keyUnreadable(where: place) }
        return SymmetricKey(data: bytes)
    }

    private static func readFile(_ path: String) throws(VaultError) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw problem(path)
        }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(file, &bytes, bytes.count)
        guard count >= 0 else { throw problem(path) }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    /// Writes the key beside its place and links it there, so that a crash leaves a whole file or none, and of two
    /// processes that start at once the second takes the first one's key.
    private static func make(_ path: String, _ bytes: [UInt8]) throws(VaultError) -> SymmetricKey {
        let draft = "\(path).\(getpid()).new"
        let file = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw problem(path) }
        let text = Array((Hex.encode(bytes) + "\n").utf8)
        let isWritten = write(file, text, text.count) == text.count && fsync(file) == 0
        let writing = isWritten ? nil : problem(path)
        close(file)
        defer { unlink(draft) }
        if let writing { throw writing }
        guard link(draft, path) == 0 || errno == EEXIST else { throw problem(path) }
        try syncFolder(of: path)
        guard let kept = try readFile(path) else { throw .keyMissing(where: path) }
        return try key(kept, place: path)
    }

    private static func syncFolder(of path: String) throws(VaultError) {
        let parent = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let folder = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw problem(path) }
        defer { close(folder) }
        if fsync(folder) != 0 { throw problem(path) }
    }

    private static func problem(_ path: String) -> VaultError {
        .keyFile(path: path, problem: String(cString: strerror(errno)))
    }
}
