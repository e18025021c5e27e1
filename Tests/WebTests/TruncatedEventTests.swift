import Domain
import HTTPTypes
import Storage
import TestKit
import Testing

@testable import Engine

@Suite("Complete bodies that are too large")
struct TruncatedEventTests {
    private static let bytesMax = 256 * 1024

    /// Tells of the account's rows; the first one's text is so long.
    private func draft(_ account: Account, _ rows: [StoredTransaction], padding: Int) throws -> EventDraft {
        var rows = rows.map { (id: $0.id, row: $0.fetched) }
        rows[0].row.text = String(repeating: "x", count: padding)
        let days = rows.map(\.row.bookedOn).sorted()
        return try #require(
            Drafts.transactions(
                Drafts.TransactionChange(
                    account: account, window: DayWindow(from: days[0], to: days[days.count - 1]), added: rows,
                    modified: [], removed: [], method: "TRANSACTIONS", code: "PERIODIC_TRANSACTIONS", isAsked: false)
            ).first)
    }

    @Test("a complete body of 256 KiB comes whole; one byte more comes without its rows, and its query leads to them")
    func border() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                let world = server.world
                try await world.listen(payload: .complete)
                let environment = world.environment()
                let record = try #require(ID<Connection>(server.filled("{record}")))
                try await world.core.sequence.fill()
                let (ids, rows) = try await world.core.database.write { tx in
                    let now = environment.virtual(world.runtime.now())
                    let connection = try #require(try ConnectionStore.find(record, environment.scope, tx.db))
                    let account = try #require(try AccountStore.list(record, environment.scope, tx.db).first)
                    let context = EventContext(
                        environment: environment, connection: connection, customerName: nil, bvn: nil, startedAt: now,
                        now: now, publicURL: "https://kubewa.example")
                    let all = DayWindow(from: LocalDate(dayNumber: 0), to: LocalDate(dayNumber: 40_000))
                    let rows = Array(
                        try TransactionStore.stored(account.id, window: all, fetched: [], environment.scope, tx.db)
                            .prefix(7))
                    let told = try EventReads.lastSequence(record.hex, environment.scope, tx.db) ?? 0
                    func bytes(_ padding: Int) throws -> Int {
                        let made = try draft(account, rows, padding: padding)
                        return OkraEnvelope.members(made, context, id: 1, sequence: told + 1, .complete).count
                    }
                    // A text may stand in the body more than once.
                    let times = try bytes(2) - bytes(1)
                    let room = (Self.bytesMax - (try bytes(1) - times)) / times
                    #expect(try bytes(room) <= Self.bytesMax && bytes(room + 1) > Self.bytesMax)
                    let ids = try [room, room + 1].map { padding in
                        try Outbox(core: world.core).emit([try draft(account, rows, padding: padding)], context, tx)[0]
                    }
                    return (ids, rows.map(\.id.hex))
                }
                try #require(rows.count == 7)
                try await world.settle()
                let bodies = try world.webhooks.bodies("transaction.success")
                func body(_ id: Int64) throws -> JSONValue {
                    try #require(bodies.first { $0["event_id"]?.text == EventID.text(id) })
                }
                let (whole, cut) = (try body(ids[0])["data"], try body(ids[1])["data"])
                #expect(whole?["resource"]?.elements?.count == 7 && whole?["truncated"] == nil)
                #expect(cut?["resource"] == nil && cut?["truncated"] == true)
                #expect(try body(ids[1]).encoded.utf8.count < 8192)
                let query = try #require(cut?["query"])
                #expect(query["ids"]?.elements?.compactMap(\.text) == rows && query["count"] == 7)
                let reply = try await server.send(
                    .post, query["path"]?.text ?? "", query["body"]?.unlessNull?.encoded)
                let found = (reply.json["data"]?.elements ?? []).compactMap { $0["id"]?.text }
                #expect(found.sorted() == rows.sorted(), "\(reply.text)")
            }
        }
    }
}
