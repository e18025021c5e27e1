import Connectors
import Crypto
import Domain
import FoundationEssentials
import Logging
import Storage

/// Statement files: read while they come, shown, and taken over when somebody said yes.
public struct StatementService: Sendable {
    /// An upload that nobody confirms is forgotten after this.
    private static let keptMs: Int64 = 24 * 3_600_000
    /// One that is being read, when this server dies over it: longer than a request may send its body.
    private static let readingMs: Int64 = 20 * 60_000
    /// Steps in which a refused file is taken away at once; what is left of it is the housekeeper's.
    private static let dropSteps = 100
    /// A reader gets pieces of at most this, so that what a zip unfolds to is written before more of it is read.
    private static let pieceBytes = 8 * 1024

    let core: Core
    let shelf: StatementShelf
    private let links: LinkService

    public init(core: Core, links: LinkService) {
        self.core = core
        self.links = links
        shelf = StatementShelf(database: core.database, vault: core.vault)
    }

    // MARK: uploading

    /// Reads a file for a link session that waits for one, and goes on to the session's next step.
    /// - Throws: `statement_…` when the file cannot be read; the session's step is unchanged then.
    public func upload(
        sessionID: String, in scope: Scope, _ options: StatementOptions,
        _ pieces: some AsyncSequence<[UInt8], any Error>
    ) async throws -> LinkView {
        let environment = try await core.environment(scope)
        let session = try await links.get(sessionID, scope)
        try links.check(session, environment)
        guard session.status == .active, case .upload = try links.step(session) else {
            throw DomainError(
                .stepMismatch, "This link session does not wait for a file. Read it, and follow its step.")
        }
        let id = try await read(
            StatementTarget(session: session, connection: nil), environment, options, pieces)
        let view: LinkView
        do {
            view = try await links.perform(
                .answer(StepAnswer(fields: ["upload": id.hex])), sessionID: sessionID, in: scope,
                revision: session.revision)
        } catch {
            try await drop(id, scope)
            throw error
        }
        if case .confirmStatement(let preview) = view.step, preview.upload == id.hex { return view }
        // Another file, or the person's going away, came first.
        try await drop(id, scope)
        return view
    }

    /// Reads a file for a connection that is there already.
    public func upload(
        connection text: String, in environment: Domain.Environment, _ options: StatementOptions,
        _ pieces: some AsyncSequence<[UInt8], any Error>, once: Once<StatementView>? = nil
    ) async throws -> StatementView {
        let scope = environment.scope
        let connection = try await core.database.read { db in
            try ID<Connection>(text).flatMap { try ConnectionStore.find($0, scope, db) }
        }
        guard let connection else { throw DomainError.notFound("connection") }
        guard connection.status == .active || connection.status == .needsUser else {
            throw DomainError(.conflict, "This connection is \(connection.status.rawValue). Link the account anew.")
        }
        let id = try await read(
            StatementTarget(session: nil, connection: connection), environment, options, pieces, once)
        return try await find(id.hex, in: environment)
    }

    private func drop(_ id: ID<StatementUpload>, _ scope: Scope) async throws {
        for _ in 0..<Self.dropSteps {
            guard try await core.database.write({ try StatementStore.discard(id, scope, $0) }) else { return }
        }
    }

    /// What a file is for may be removed while it is sent.
    private func requireTarget(_ target: StatementTarget, _ scope: Scope, _ db: any SQLConnection) throws {
        guard let connection = target.connection else { return }
        guard let now = try ConnectionStore.find(connection.id, scope, db), now.canBeRepaired else {
            throw DomainError.notFound("connection")
        }
    }

    private static var givenUp: DomainError {
        DomainError(
            .conflict,
            "This file was given up: another one came meanwhile, or what it is for was removed. Send it anew."
        )
    }

    private func read(
        _ target: StatementTarget, _ environment: Domain.Environment, _ options: StatementOptions,
        _ pieces: some AsyncSequence<[UInt8], any Error>, _ once: Once<StatementView>? = nil
    ) async throws -> ID<StatementUpload> {
        let now = environment.virtual(core.runtime.now())
        let upload = StatementUpload(
            id: core.runtime.newID(), sessionID: target.session?.id, connectionID: target.connection?.id,
            institution: target.institution, createdAt: now)
        let scope = environment.scope
        let expires = core.runtime.now() + Self.readingMs
        try await core.database.write { tx in
            try requireTarget(target, scope, tx.db)
            guard try StatementStore.begin(upload, expires: expires, scope, tx) else {
                throw DomainError(
                    .unavailable, "Too many files are being read at this moment. Send this one again in a minute.")
            }
        }
        do {
            try await stage(upload, target, environment, options, pieces, once)
            return upload.id
        } catch {
            do {
                try await drop(upload.id, scope)
            } catch {
                // Its time runs out by itself.
                core.logger.warning("an upload was not dropped", metadata: ["error": "\(error)"])
            }
            if let refused = error as? StatementError { throw Self.refusal(refused) }
            throw error
        }
    }

    private func stage(
        _ upload: StatementUpload, _ target: StatementTarget, _ environment: Domain.Environment,
        _ options: StatementOptions, _ pieces: some AsyncSequence<[UInt8], any Error>, _ once: Once<StatementView>?
    ) async throws {
        var intake = StatementIntake(today: environment.virtual(core.runtime.now()).day(), home: .ngn)
        var reader = StatementReader(
            name: options.name, profiles: core.settings.statementProfiles, dateOrder: options.dateOrder,
            profile: options.profile)
        var hash = SHA256()
        var count = 0
        for try await piece in pieces {
            hash.update(data: piece)
            count += piece.count
            var place = 0
            while place < piece.count {
                let end = min(place + Self.pieceBytes, piece.count)
                try feed(piece[place..<end], &reader, &intake)
                place = end
                try await flush(&intake, upload.id, environment.scope, all: false)
            }
        }
        guard count > 0 else { throw StatementError(.empty, "This file is empty. Export the statement again.") }
        try reader.finish { event throws(StatementError) in try intake.take(event) }
        try await flush(&intake, upload.id, environment.scope, all: true)
        let accounts = intake.finished()
        guard !accounts.isEmpty else {
            throw StatementError(
                .noRows, "This file has no transactions, or its balances differ without any. Export a longer period.")
        }
        let bare = Array(hash.finalize())
        let digest = core.vault.index(Hex.encode(bare), purpose: "statement_digest")
        try await finish(
            upload, target, environment,
            Read(
                dialect: reader.dialect, notesDropped: reader.notesDropped, intake: intake, digest: digest),
            once?.with(bare))
    }

    private func feed(
        _ piece: ArraySlice<UInt8>, _ reader: inout StatementReader, _ intake: inout StatementIntake
    ) throws(StatementError) {
        var failure: StatementError?
        piece.withUnsafeBytes { bytes in
            do throws(StatementError) {
                try reader.feed(bytes) { event throws(StatementError) in try intake.take(event) }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    private func flush(
        _ intake: inout StatementIntake, _ id: ID<StatementUpload>, _ scope: Scope, all: Bool
    ) async throws {
        while intake.staged.count >= StatementStore.rowsMax || all && !intake.staged.isEmpty {
            let rows = Array(intake.staged.prefix(StatementStore.rowsMax))
            intake.staged.removeFirst(rows.count)
            try await core.database.write { tx in
                guard try StatementStore.stage(rows, of: id, scope, tx) else { throw Self.givenUp }
            }
        }
    }

    private struct Read: Sendable {
        let dialect: StatementDialect?
        let notesDropped: Int
        let intake: StatementIntake
        let digest: String
    }

    private func finish(
        _ upload: StatementUpload, _ target: StatementTarget, _ environment: Domain.Environment, _ read: Read,
        _ once: Once<StatementView>?
    ) async throws {
        let scope = environment.scope
        let dialect = read.dialect
        var preview = StatementPreview(
            upload: upload.id.hex, format: dialect?.format.rawValue ?? "", profile: dialect?.profile,
            encoding: dialect?.encoding ?? "", isZipped: dialect?.isZipped ?? false)
        let found = read.intake.finished()
        preview.accounts = found.map(\.account)
        preview.notes =
            Self.otherBank(dialect?.profile, of: core.settings.statementProfiles, for: upload.institution)
            + read.intake.notes
        preview.notesDropped = read.notesDropped
        var done = upload
        done.state = .ready
        done.digest = read.digest
        done.format = preview.format
        done.profile = preview.profile
        done.rows = found.reduce(0) { $0 + Int64($1.account.rows) }
        let (ready, shown) = (done, preview)
        let asked = once?.shown { (view: StatementView?) in
            guard let view else { throw DomainError.notFound("statement") }
            return view
        }
        _ = try await core.change(asked) { tx -> StatementView? in
            var (ready, shown) = (ready, shown)
            try StatementMatcher(core: core, scope: scope).match(&shown, ready, target, read.intake, tx)
            ready.preview = try shelf.seal(shown, scope, tx)
            let expires = core.runtime.now() + Self.keptMs
            try requireTarget(target, scope, tx.db)
            guard try StatementStore.ready(ready, found.map(\.part), expires: expires, scope, tx) else {
                throw Self.givenUp
            }
            return target.connection == nil ? nil : try self.found(ready.id.hex, scope, tx.db)
        }
    }

    static func refusal(_ error: StatementError) -> DomainError {
        let place = error.place.map { " It is at line or entry \($0)." } ?? ""
        return DomainError(.statement(error.code.rawValue), error.message + place, field: "file")
    }

    // MARK: uploads of a connection

    /// - Throws: `not_found`.
    public func find(_ text: String, in environment: Domain.Environment) async throws -> StatementView {
        let scope = environment.scope
        return try await core.database.read { try found(text, scope, $0) }
    }

    private func found(_ text: String, _ scope: Scope, _ db: any SQLConnection) throws -> StatementView {
        guard let upload = try ID<StatementUpload>(text).flatMap({ try StatementStore.find($0, scope, db) }),
            let connection = upload.connectionID
        else { throw DomainError.notFound("statement") }
        return StatementView(upload, connection, try shelf.preview(upload, scope, db))
    }

    /// The newest first.
    public func list(
        connection text: String, before: Instant?, limit: Int, in environment: Domain.Environment
    ) async throws -> [StatementView] {
        let scope = environment.scope
        return try await core.database.read { db in
            guard let id = ID<Connection>(text), try ConnectionStore.find(id, scope, db) != nil else {
                throw DomainError.notFound("connection")
            }
            return try StatementStore.list(id, before: before, limit: limit, scope, db).map {
                StatementView($0, id, nil)
            }
        }
    }

    /// Takes an upload over. One that was taken over is answered as it is.
    /// - Throws: `invalid_field` with what is wrong with the choice.
    public func confirm(
        _ text: String, _ choice: StatementChoice, in environment: Domain.Environment,
        once: Once<StatementView>? = nil
    ) async throws -> StatementView {
        let view = try await find(text, in: environment)
        guard view.state == .ready, let id = ID<StatementUpload>(text) else { return view }
        try await core.sequence.fill()
        let scope = environment.scope
        let machineNow = core.runtime.now()
        let now = environment.virtual(machineNow)
        let taken = try await core.change(once) { tx in
            guard let upload = try StatementStore.find(id, scope, tx.db), upload.state == .ready,
                let connectionID = upload.connectionID,
                let connection = try ConnectionStore.find(connectionID, scope, tx.db)
            else { return try found(text, scope, tx.db) }
            if try StatementStore.claim(upload, place: "connection:\(connectionID)", scope, tx) != nil {
                throw DomainError(.conflict, "This very file was taken over before. Nothing is left to do.")
            }
            switch try shelf.confirm(text, session: nil, choice, scope, tx) {
            case nil: throw DomainError.notFound("statement")
            case .asked(let preview): throw DomainError.invalid("answer", "is refused: \(preview.problem ?? "")")
            case .confirmed(let accounts):
                try StatementJoin(core: core).take(upload.id, accounts, connection, at: now, scope, tx)
            }
            return try found(text, scope, tx.db)
        }
        core.wakes.refreshes.set()
        return taken
    }

    /// Drops an upload that was not taken over; one that was stays.
    public func discard(
        _ text: String, in environment: Domain.Environment, once: Once<Void>? = nil
    ) async throws {
        let view = try await find(text, in: environment)
        guard view.state == .ready || view.state == .reading, let id = ID<StatementUpload>(text) else {
            throw DomainError(.conflict, "This statement was taken over. What it brought goes with its connection.")
        }
        let scope = environment.scope
        try await core.change(once) { try StatementStore.discard(id, scope, $0) }
    }
}

/// How a file is to be read.
public struct StatementOptions: Sendable {
    public var name: String?
    /// The answer to `ambiguous_dates`.
    public var dateOrder: DateOrder?
    /// A CSV profile's slug.
    public var profile: String?
    public init(name: String? = nil, dateOrder: DateOrder? = nil, profile: String? = nil) {
        self.name = name
        self.dateOrder = dateOrder
        self.profile = profile
    }

    /// From texts of a request; empty ones are none.
    public init(name: String?, dateOrder: String?, profile: String?) throws {
        var order: DateOrder?
        if let dateOrder, !dateOrder.isEmpty {
            order = DateOrder(rawValue: dateOrder)
            guard order != nil else {
                throw DomainError.invalid("date_order", "must be `day_first`, `month_first` or `year_first`.")
            }
        }
        self.init(
            name: name.map { String($0.prefix(200)) }, dateOrder: order,
            profile: profile.flatMap { $0.isEmpty ? nil : String($0.prefix(80)) })
    }
}

/// An upload as it is shown.
public struct StatementView: Sendable {
    public let id: String
    public let connectionID: String
    public let state: StatementUpload.State
    public let format: String?
    public let profile: String?
    public let rows: Int64
    public let createdAt: Instant
    public let importedAt: Instant?
    /// Until it is taken over.
    public let preview: StatementPreview?
    /// `ready`, `confirmed` or `imported`.
    public var stateName: String { state.rawValue }

    init(_ upload: StatementUpload, _ connection: ID<Connection>, _ preview: StatementPreview?) {
        id = upload.id.hex
        connectionID = connection.hex
        state = upload.state
        format = upload.format
        profile = upload.profile
        rows = upload.rows
        createdAt = upload.createdAt
        importedAt = upload.importedAt
        self.preview = preview
    }
}

/// Whom a file is for: a link session, or a connection.
struct StatementTarget: Sendable {
    let session: LinkSession?
    let connection: Connection?
    var institution: String { connection?.institution ?? session?.institution ?? "" }
}
