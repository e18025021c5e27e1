import Domain
import Testing

@Suite("Feeds")
struct FeedTests {
    private static func id(_ number: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: 24 - text.count) + text
    }

    private static func changed(
        _ place: Int64, added: [Int] = [], modified: [Int] = [], removed: [Int] = []
    ) -> ChangedTransactions {
        ChangedTransactions(
            place: FeedPlace(batch: 0, place: place), account: "a", added: added.map(id), modified: modified.map(id),
            removed: removed.map(id), from: "2024-01-01", to: "2024-01-31")
    }

    @Test("a cursor reads back as it was written")
    func cursors() {
        let place = FeedPlace(batch: 12, place: Int64.max)
        let stages: [FeedCursor.Stage] = [
            .history(day: "2024-03-01", id: Self.id(9), from: .start),
            .changes(after: place, skipped: 0, until: nil), .changes(after: .start, skipped: 70, until: place),
        ]
        for stage in stages {
            for filter in [FeedFilter.all, .account(Self.id(1)), .connection(Self.id(2))] {
                let cursor = FeedCursor(filter: filter, stage: stage)
                #expect(FeedCursor(text: cursor.text) == cursor)
            }
        }
    }

    @Test(
        "what is no cursor is none",
        arguments: ["", ";;;;", "*;c;1;2", "*;c;1;2;-1", "*;x;1;2;3", "*;c;1;2;3;4", "?;c;1;2;3", "*;h;1;2;3"])
    func malformed(_ text: String) { #expect(FeedCursor(text: text) == nil) }

    @Test("a reader of everything may narrow down, one of an account may not widen")
    func filters() {
        #expect(FeedFilter.account("x").isWithin(.all))
        #expect(FeedFilter.account("x").isWithin(.account("x")))
        #expect(!FeedFilter.all.isWithin(.account("x")))
        #expect(!FeedFilter.account("x").isWithin(.connection("x")))
    }

    @Test("places are ordered by batch, then by place")
    func places() {
        #expect(FeedPlace.start < FeedPlace(batch: 0, place: 0))
        #expect(FeedPlace(batch: 1, place: 9) < FeedPlace(batch: 2, place: 1))
    }

    @Test("pages of any size show every change once and end at the last commit")
    func pages() {
        let commits = [
            Self.changed(3, added: [1, 2, 3, 4, 5]), Self.changed(4, added: [6], modified: [7], removed: [8]),
            Self.changed(9, removed: [9]),
        ]
        for size in 1...10 {
            var seen: [String] = []
            var after = FeedPlace.start
            var skipped = 0
            repeat {
                var page = FeedPage(after: after, skipped: skipped, room: size)
                for commit in commits where page.room > 0 && commit.place > after { page.take(commit) }
                #expect(page.entries.count <= size)
                seen += page.entries.map(\.id)
                (after, skipped) = (page.after, page.skipped)
            } while after < commits[2].place
            #expect(seen == (1...9).map(Self.id), "by \(size)")
            #expect(skipped == 0)
        }
    }

    @Test("on one page a transaction stands once, as what it came to")
    func folding() {
        var page = FeedPage(after: .start, skipped: 0, room: 100)
        page.take(Self.changed(1, added: [1, 2], modified: [3, 4]))
        page.take(Self.changed(2, modified: [1], removed: [2, 3]))
        page.take(Self.changed(3, modified: [3]))
        #expect(page.entries.map(\.id) == [1, 2, 3, 4].map(Self.id))
        let there = [1, 3, 4].map(Self.id)
        let told = page.entries.map { FeedPage.told($0, isThere: there.contains($0.id)) }
        #expect(told == [.added, nil, .modified, .modified])
    }

    @Test("what was told before and is gone is removed, whatever the page says of it")
    func gone() {
        var page = FeedPage(after: .start, skipped: 0, room: 100)
        page.take(Self.changed(1, modified: [1]))
        #expect(FeedPage.told(page.entries[0], isThere: false) == .removed)
    }
}
