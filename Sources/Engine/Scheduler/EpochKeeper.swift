import Domain
import Logging
import ServiceLifecycle
import Storage

/// Sees to it that a restored database begins a new epoch: before anything is served, and while it is.
///
/// The database counts a beat, and a file outside of it notes how far it came. A database that has come less far than
/// its file, or that stands somewhere else than before, is a copy that was put back. Of another server than the last
/// one nothing is written before that was found out.
public struct EpochKeeper: Service {
    private static let periodMs: Int64 = 5000
    private static let environmentsPerStep = 200
    private let core: Core
    /// The folder for marks of servers' databases.
    private let data: String
    private let bell = Signal()

    public init(core: Core, data: String) {
        self.core = core
        self.data = data
    }

    /// Looks whether the database was restored, and notes where it is. Call before anything is read or written.
    /// - Returns: why a new epoch began; nil when none did.
    @discardableResult
    public func open() async throws -> RestoreRule.Reason? { try await open(seen: nil) }

    /// - Parameter seen: what this process knows already.
    private func open(seen: RestoreRule.Reason?) async throws -> RestoreRule.Reason? {
        let identity = try await identity()
        let inside = try await core.database.read { try EpochStore.mark($0) }
        let file = file(of: inside)
        let (outside, isFile) = (file.read(), core.database.dialect == .sqlite)
        let drawn = Hex.encode(core.runtime.randomBytes(8))
        let now = core.runtime.now()
        let (reason, mark) = try await core.database.writeUntrusted { tx in
            let inside = try EpochStore.locked(tx)
            let judged = RestoreRule.judge(
                inside, outside, identity: identity ?? inside.identity, file: file.identity, needsOutside: isFile)
            let reason = judged ?? seen
            if inside.database.isEmpty {
                try EpochStore.adopt(
                    database: outside?.database ?? drawn, identity: identity ?? inside.identity, tx)
            }
            if let reason {
                let known = max(inside.epoch, outside?.epoch ?? 0)
                try EpochStore.begin(
                    Epoch.next(after: known, at: now), reason, identity: identity ?? inside.identity, at: now, tx)
            }
            return (reason, try EpochStore.beat(tx))
        }
        if core.epochs.note(mark) || reason != nil { core.sequence.drop() }
        core.database.trust(identity)
        if let reason { try await began(mark.epoch, reason) }
        try write(mark, isClean: false)
        return reason
    }

    /// The operator says that the database was restored, where nothing here could see it.
    public func begin() async throws -> Int64 {
        let identity = try await identity()
        let now = core.runtime.now()
        let mark = try await core.database.write { tx in
            let inside = try EpochStore.locked(tx)
            try EpochStore.begin(
                Epoch.next(after: inside.epoch, at: now), .asked, identity: identity ?? inside.identity, at: now, tx)
            return try EpochStore.mark(tx.db)
        }
        core.sequence.drop()
        try await began(mark.epoch, .asked)
        return mark.epoch
    }

    private func file(of mark: DatabaseMark) -> MarkFile {
        MarkFile(core.database.location, data: data, database: mark.database)
    }

    /// nil where the server does not tell; then only the beat can. It is asked where is written, wherever reads go.
    private func identity() async throws -> String? {
        do {
            return try await core.database.alone { try EpochStore.identity($0) }
        } catch let error as StorageError where error.code == .other {
            core.logger.warning(
                "the database does not say where it is: after a restore, run `kubewa database new-epoch`",
                metadata: ["error": "\(error)"])
            return nil
        }
    }

    private func began(_ epoch: Int64, _ reason: RestoreRule.Reason) async throws {
        core.logger.warning(
            "the database was restored: a new epoch of its sequences began",
            metadata: ["epoch": "\(epoch)", "reason": "\(reason.rawValue)"])
        try await FeedService(core: core).settle()
    }

    private func write(_ mark: DatabaseMark, isClean: Bool) throws {
        let file = file(of: mark)
        try file.write(
            OutsideMark(
                database: mark.database, epoch: mark.epoch, beat: mark.beat, file: file.identity, isClean: isClean))
    }

    // MARK: while it is served

    /// Beats until graceful shutdown; a beat that fails is logged and made up for by the next.
    public func run() async throws {
        await withGracefulShutdownHandler {
            while !Task.isShuttingDownGracefully, !Task.isCancelled {
                await bell.wait(until: core.runtime.now() + Self.periodMs, core.runtime)
                guard !Task.isShuttingDownGracefully else { return }
                do { try await tick() } catch { warn(error) }
            }
        } onGracefulShutdown: {
            bell.set()
        }
    }

    /// One beat. A database that went back since the last one begins an epoch, as at the start.
    public func tick() async throws {
        let mark: DatabaseMark
        do {
            mark = try await core.database.write { try EpochStore.beat($0) }
        } catch let error as StorageError where error.code == .replaced {
            _ = try await open()
            return
        }
        let identity = try await identity()
        if core.epochs.isBehind(mark) || mark.identity != identity ?? mark.identity {
            _ = try await open(seen: core.epochs.isBehind(mark) ? .older : .moved)
            return
        }
        // It may not have told at the start.
        if let identity { core.database.trust(identity) }
        if core.epochs.note(mark) { core.sequence.drop() }
        try write(mark, isClean: false)
    }

    /// The last beat: the database and its file say the same. Call when nothing is written any more.
    public func close() async {
        do {
            let mark = try await core.database.write { try EpochStore.beat($0) }
            guard !core.epochs.isBehind(mark) else { return }
            try write(mark, isClean: true)
        } catch {
            warn(error)
        }
    }

    private func warn(_ error: any Error) {
        core.logger.warning("the database's mark was not kept", metadata: ["error": "\(error)"])
    }
}
