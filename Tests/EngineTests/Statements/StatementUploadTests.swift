import Domain
import Engine
import Storage
import Synchronization
import TestKit
import Testing

/// What becomes of uploads that are refused, broken off, too many, or whose purpose goes away while they are sent.
@Suite("Uploads that come to nothing")
struct StatementUploadTests {
    /// A file in pieces, with something that happens before the piece of this number.
    private struct Interrupted: AsyncSequence {
        typealias Element = [UInt8]
        typealias Failure = any Error
        let pieces: FilePieces
        let at: Int
        let happens: @Sendable () async throws -> Void

        struct Iterator: AsyncIteratorProtocol {
            var inner: FilePieces.Iterator
            let at: Int
            let happens: @Sendable () async throws -> Void
            var count = 0
            mutating func next() async throws -> [UInt8]? {
                count += 1
                if count == at { try await happens() }
                return try await inner.next()
            }
        }

        func makeAsyncIterator() -> Iterator { Iterator(inner: pieces.makeAsyncIterator(), at: at, happens: happens) }
    }

    /// More rows than are written at once, over some days.
    private static func long(_ rows: Int, account: String = "0123456789") -> String {
        Statement(
            (0..<rows).map { ("2401\(10 + $0 % 18)", Int64(-100 - $0), "Row \($0)") }, account: account
        ).text
    }

    private static func count(_ table: String, _ database: Database) async throws -> Int64 {
        try await database.read { try $0.first("SELECT COUNT(*) FROM \(table)", []) { $0.int(0) } ?? 0 }
    }

    private static func tables(_ database: Database) async throws -> [Int64] {
        var counts: [Int64] = []
        for table in ["statement_upload", "statement_part", "statement_row"] {
            counts.append(try await count(table, database))
        }
        return counts
    }

    private static func code(_ body: () async throws -> Void) async -> String? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? DomainError)?.code.name
        }
    }

    private func begin(_ world: World) async throws -> LinkView {
        try await world.services.links.begin(BeginLink(institution: "access-bank"), in: world.production)
    }

    private func upload(
        _ session: LinkView, _ world: World, _ pieces: some AsyncSequence<[UInt8], any Error>
    ) async throws -> LinkView {
        try await world.services.statements.upload(
            sessionID: session.id, in: world.production.scope, StatementOptions(), pieces)
    }

    @Test("amounts that no account holds are the file's mistake, and nothing of it stays")
    func absurdAmounts() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let text = Statement(
                [("240102", 9_000_000_000_000_000_000, "One"), ("240103", -1, "Other")], opening: 0
            ).text
            #expect(await Self.code { _ = try await world.upload(text) } == "statement_malformed")
            #expect(try await Self.tables(database) == [0, 0, 0])
        }
    }

    @Test("a file of many rows that is refused at its end leaves nothing when the answer comes")
    func refusedLate() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let text = Self.long(9000) + ":20:S\r\n:25:0123456789\r\n:60F:nonsense\r\n"
            let code = await Self.code { _ = try await world.upload(text) }
            #expect(code?.hasPrefix("statement_") == true)
            #expect(try await Self.tables(database) == [0, 0, 0])
        }
    }

    @Test("rows whose upload died are gone after twenty minutes, all of them in one round of housekeeping")
    func diedWhileReading() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let session = try await begin(world)
            let scope = world.production.scope
            let expiry = Mutex<Int64>(0)
            let pieces = Interrupted(pieces: FilePieces(Self.long(9000), size: 8000), at: 40) {
                let expires = try await database.read { db in
                    try db.query("SELECT expires_at_ms FROM statement_upload", []) { $0.int(0) }
                }
                expiry.withLock { $0 = expires.first ?? 0 }
                #expect(try await Self.count("statement_row", database) > 2000)
            }
            _ = try await upload(session, world, pieces)
            #expect(expiry.withLock { $0 } - world.core.runtime.now().ms == 20 * 60_000)
            let kept = try await database.read { db in
                try db.query("SELECT expires_at_ms FROM statement_upload", []) { $0.int(0) }
            }
            #expect(kept == [world.core.runtime.now().ms + 24 * 3_600_000])

            // As after a death of the server: rows, and nobody who reads on.
            let upload = StatementUpload(
                id: world.runtime.newID(), sessionID: nil, connectionID: nil, institution: "access-bank",
                createdAt: world.runtime.now())
            let fact = FetchedTransaction(
                upstreamID: nil, status: .booked, amount: Money(minor: 1, currency: .ngn),
                bookedOn: LocalDate("2024-01-10")!, text: "Row")
            for step in 0..<5 {
                try await database.write { tx in
                    let expires = world.runtime.now() + 20 * 60_000
                    let hasBegun = try step > 0 || StatementStore.begin(upload, expires: expires, scope, tx)
                    #expect(hasBegun)
                    let rows = (0..<2000).map {
                        StagedRow(part: 0, sequence: Int64(step * 2000 + $0), transaction: fact)
                    }
                    let isKept = try StatementStore.stage(rows, of: upload.id, scope, tx)
                    #expect(isKept)
                }
            }
            #expect(try await Self.count("statement_row", database) == 19_000)
            try await Housekeeper(core: world.core).tick()
            #expect(try await Self.count("statement_row", database) == 19_000)
            world.runtime.advance(milliseconds: 21 * 60_000)
            try await Housekeeper(core: world.core).tick()
            #expect(try await Self.tables(database) == [1, 1, 9000])
        }
    }

    @Test("another file for the same session gives up the one that is being read")
    func newestCounts() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let session = try await begin(world)
            let pieces = Interrupted(pieces: FilePieces(Self.long(9000), size: 8000), at: 40) {
                let shown = try await upload(session, world, FilePieces(StatementTests.january.text))
                guard case .confirmStatement(let preview) = shown.step else {
                    Issue.record("the step is \(shown.step)")
                    return
                }
                #expect(preview.accounts.first?.rows == 4)
            }
            #expect(await Self.code { _ = try await upload(session, world, pieces) } == "conflict")
            #expect(try await Self.tables(database) == [1, 1, 4])
        }
    }

    @Test("more than a few files that are being read in one environment wait for their turn; other tenants do not")
    func tooMany() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let scope = world.production.scope
            try await database.write { tx in
                for number in 0..<StatementStore.readingMax {
                    let one = StatementUpload(
                        id: world.runtime.newID(), sessionID: "s\(number)", connectionID: nil,
                        institution: "access-bank", createdAt: world.runtime.now())
                    let hasBegun = try StatementStore.begin(one, expires: world.runtime.now() + 1000, scope, tx)
                    #expect(hasBegun)
                }
            }
            #expect(await Self.code { _ = try await world.upload(StatementTests.january.text) } == "unavailable")
            #expect(try await Self.count("statement_upload", database) == Int64(StatementStore.readingMax))
            let other = try await world.services.tenants.create(name: "Other")
            let environment = try #require(other.environments.first { $0.environment.kind == .production }).environment
            let view = try await world.services.links.begin(BeginLink(institution: "access-bank"), in: environment)
            let read = try await world.services.statements.upload(
                sessionID: view.id, in: environment.scope, StatementOptions(),
                FilePieces(StatementTests.january.text))
            #expect(read.status == .active)
            world.runtime.advance(milliseconds: 2000)
            try await Housekeeper(core: world.core).tick()
            #expect(try await world.upload(StatementTests.january.text).status == .active)
        }
    }

    @Test("nothing of a file stays when its connection is removed while it is sent")
    func removedMeanwhile() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let linked = try await world.linkStatement(StatementTests.january.text)
            let record = try #require(linked.connectionID)
            for at in [2, 40, 700] {
                let target =
                    at == 2 ? record : try #require(try await world.linkStatement(Self.long(5)).connectionID)
                let pieces = Interrupted(pieces: FilePieces(Self.long(9000), size: 500), at: at) {
                    try await world.services.connections.remove(target, in: world.production)
                }
                let code = await Self.code {
                    _ = try await world.services.statements.upload(
                        connection: target, in: world.production, StatementOptions(), pieces)
                }
                #expect(code == "conflict" || code == "not_found", "\(at): \(code ?? "taken")")
                // What the connection was linked by ends with its access, and is cleared away by the next round.
                try await Housekeeper(core: world.core).tick()
                #expect(try await Self.tables(database) == [0, 0, 0], "\(at)")
            }
        }
    }

    @Test("after a yes that was not acted on, the next yes counts with what it chooses")
    func secondYes() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let one = Statement([("240102", 100_00, "Of the first")], account: "0123456789")
            let two = Statement([("240103", 200_00, "Of the second")], account: "0987654321")
            let view = try await world.upload(one.text + two.text)
            guard case .confirmStatement(let preview) = view.step else {
                Issue.record("the step is \(view.step)")
                return
            }
            #expect(preview.accounts.count == 2)
            let shelf = StatementShelf(database: database, vault: world.core.vault)
            // The server dies behind this.
            _ = try await shelf.confirm(
                upload: preview.upload, session: view.id, StatementChoice(parts: ["0"]),
                environmentID: world.production.id)
            let done = try await world.services.links.answer(
                sessionID: view.id, in: world.production.scope,
                answer: StepAnswer(fields: ["confirm": "yes"], accounts: ["1"]), revision: view.revision)
            let record = try #require(done.connectionID)
            try await world.settle()
            #expect(try await world.rows(record).map(\.amount.minor) == [200_00])
        }
    }

    @Test("days that were to be kept are the statement's after all when the next yes says so")
    func secondWord() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let first = try await world.linkStatement(StatementTests.january.text)
            let record = try #require(first.connectionID)
            let customer = try #require(first.customerID)
            let other = Statement([
                ("240102", 5_000_00, "Salary of January"), ("240105", -99_00, "Airtime"), ("240109", -900_00, "Rent"),
            ])
            let view = try await world.upload(other.text, customer: customer)
            guard case .confirmStatement(let preview) = view.step else {
                Issue.record("the step is \(view.step)")
                return
            }
            #expect(preview.accounts.first?.contradictions.count == 1)
            _ = try await StatementShelf(database: database, vault: world.core.vault).confirm(
                upload: preview.upload, session: view.id, StatementChoice(contradiction: .keep),
                environmentID: world.production.id)
            let done = try await world.confirm(view, ["contradictions": "replace"])
            #expect(done.connectionID == record)
            try await world.settle()
            #expect(try await world.rows(record).map(\.amount.minor) == [5_000_00, -99_00, -900_00])
            #expect(try await Self.count("statement_row", database) == 0)
        }
    }

    private static let ofGTBank = """
        GUARANTY TRUST BANK LIMITED,,,,,,,
        Account No:,0123456789,,,,,,
        Trans. Date,Value. Date,Reference,Debits,Credits,Balance,Originating Branch,Remarks
        02-Jan-2024,02-Jan-2024,'0001,"5,000.00",,"5,000.00",635 LEKKI,NIP TRANSFER TO CHIDI EZE
        31-Jan-2024,31-Jan-2024,,,"106,750.00","111,750.00",001 HQ,SALARY JANUARY

        """

    @Test("a file that looks like another bank's says so before it is taken over, and the bank's own does not")
    func otherBank() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            for (institution, isOther) in [("kuda-bank", true), ("guaranty-trust-bank", false)] {
                let view = try await world.upload(Self.ofGTBank, institution: institution)
                guard case .confirmStatement(let preview) = view.step else {
                    Issue.record("\(view.step)")
                    continue
                }
                #expect(preview.profile == "gtbank" && preview.accounts.first?.rows == 2)
                let note = preview.notes.first { $0.kind == "other_bank" }
                #expect((note != nil) == isOther, "\(institution)")
                #expect(note?.message.contains("Guaranty Trust Bank") ?? !isOther)
            }
            // The same for a connection that is there already.
            let mine = try await world.linkStatement(Self.long(3))
            let other = try await world.services.statements.upload(
                connection: try #require(mine.connectionID), in: world.production, StatementOptions(),
                FilePieces(Self.ofGTBank))
            #expect(other.preview?.notes.map(\.kind) == ["other_bank"])
        }
    }
}
