import Domain
import TestKit
import Testing

@testable import Engine
@testable import Storage

@Suite("Pages that were read before")
struct PageCacheTests {
    private struct Forms: RowForms {
        func bank(_ institution: Institution, _ out: inout JSONWriter) { out.null() }
        func bankDetail(_ institution: Institution, _ out: inout JSONWriter) { out.null() }
        func bankNamed(_ institution: Institution, _ out: inout JSONWriter) { out.null() }
        func customer(id: String, name: String?, _ out: inout JSONWriter) { out.string(name ?? "") }
        func account(_ account: AccountFacts, _ out: inout JSONWriter) { out.null() }
        func balanceAccount(_ account: AccountFacts, _ institution: Institution, _ out: inout JSONWriter) { out.null() }
        func periodic(_ balances: [EarlierBalance], owner: String, _ out: inout JSONWriter) { out.null() }
        func status(_ connection: ConnectionFacts, _ out: inout JSONWriter) { out.null() }
        func products(_ connection: ConnectionFacts, _ out: inout JSONWriter) { out.null() }
        func usedProducts(_ connection: ConnectionFacts, _ out: inout JSONWriter) { out.null() }
        func credentials(_ logins: [(ConnectionFacts, AccountFacts, Institution)], _ out: inout JSONWriter) {
            out.null()
        }
        func identity(_ details: IdentityDetails, _ out: inout JSONWriter) { out.null() }
    }
    private static let form = ItemForm(
        RowTemplate(TransactionColumn.self, "{\"_id\":$id,\"text\":$text,\"customer\":$customer}"), Forms())

    private static func key(_ page: Int, list: String = "transactions", form: ItemForm = form) -> PageCache.Key {
        PageCache.Key(environmentID: 1, list: list, page: PageRequest(page: page), form: form)
    }

    private static func kept(_ bytes: Int, _ mark: UInt8 = 0) -> Kept<Listing> {
        Kept(
            Listing(info: PageInfo(total: 1, of: PageRequest()), items: Array(repeating: mark, count: bytes)),
            at: ListRevision(list: 1, names: 0))
    }

    @Test("a page is found by its list, its place and its form, and by nothing less")
    func keys() {
        let cache = PageCache(bytesMax: 1 << 20)
        cache.keep(Self.kept(10), Self.key(1), Self.form)
        #expect(cache.find(Self.key(1)) != nil)
        #expect(cache.find(Self.key(2)) == nil)
        #expect(cache.find(Self.key(1, list: "account:x")) == nil)
        let other = ItemForm(RowTemplate(TransactionColumn.self, "{\"_id\":$id}"), Forms())
        #expect(cache.find(Self.key(1, form: other)) == nil)
    }

    @Test("it never holds more than its bytes, and keeps what is asked for")
    func bounded() {
        let cache = PageCache(bytesMax: 100_000)
        for page in 1...1000 {
            cache.keep(Self.kept(1000), Self.key(page), Self.form)
            _ = cache.find(Self.key(1))
            #expect(cache.bytes <= 100_000)
        }
        let found = (1...1000).filter { cache.find(Self.key($0)) != nil }
        #expect(found.count <= 80, "\(found.count) pages of 1256 bytes in 100,000")
        #expect(found.contains(1), "the page that is read all the time stays")
        #expect(found.contains(1000))
    }

    @Test("a page read anew takes the place of the one before, and one that is too large is not kept")
    func replaced() {
        let cache = PageCache(bytesMax: 100_000)
        for _ in 0..<1000 { cache.keep(Self.kept(1000, 1), Self.key(1), Self.form) }
        cache.keep(Self.kept(1000, 2), Self.key(1), Self.form)
        #expect(cache.find(Self.key(1))?.value.items.first == 2)
        cache.keep(Self.kept(50_000), Self.key(2), Self.form)
        #expect(cache.find(Self.key(2)) == nil)
        #expect(!PageCache(bytesMax: 0).isOn)
    }

    @Test("two nodes of one database show a row as soon as it is committed, whoever wrote it")
    func nodes() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let other = try await World.make(on: database, sameAs: world)
            #expect(try await world.link().status == .done)
            try await world.settle()
            let environment = world.environment()
            func shown(_ node: World) async throws -> Page {
                let listing = try await node.services.reads.transactions(
                    .all, PageRequest(), in: environment, as: Self.form)
                return Page(total: listing.info.total, items: String(decoding: listing.items, as: UTF8.self))
            }
            let before = try await shown(other)
            #expect(try await shown(world) == before)
            let posting = Posting(
                username: "success", accountNumber: nil, institution: nil, amountMinor: -1500, narration: "LUNCH",
                channel: nil)
            _ = try await world.services.sandbox.post(posting, in: environment)
            try await world.settle()
            let mine = try await shown(world)
            #expect(mine.total == before.total + 1 && mine.items.contains("LUNCH"))
            #expect(try await shown(other) == mine)
            #expect(try await shown(other) == mine, "from what it kept")

            let customer = try #require(
                try await database.read { try $0.first("SELECT id FROM customer", []) { $0.text(0) } })
            try await database.write { tx in
                try CustomerStore.update(
                    ID(trusted: customer), name: "ANOTHER NAME", bvnIndex: nil, at: world.runtime.now(), world.scope, tx
                )
            }
            #expect(try await shown(other).items.contains("ANOTHER NAME"))
        }
    }

    private struct Page: Equatable {
        let total: Int64
        let items: String
    }
}
