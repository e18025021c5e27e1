import Domain
import Testing

struct AccountReviewTests {
    private let first = AccountReview.Known(id: "1", upstreamID: "a", name: "Savings", type: "savings")
    private let second = AccountReview.Known(id: "2", upstreamID: "b", name: "Current", type: "current")

    private func row(
        _ id: String, _ name: String?, _ type: String? = "savings", isActive: Bool = true
    ) -> FetchedAccount {
        FetchedAccount(upstreamID: id, number: nil, name: name, type: type, isActive: isActive)
    }

    @Test("a list that says what is known changes nothing, also where the bank leaves names out")
    func same() {
        let listed = [row("b", nil, nil), row("a", "Savings")]
        #expect(AccountReview.changes(known: [first, second], listed: listed).isEmpty)
    }

    @Test("a new name or type is taken")
    func renamed() {
        var expected = first
        expected.name = "Goals"
        expected.type = "target"
        #expect(AccountReview.changes(known: [first], listed: [row("a", "Goals", "target")]) == [expected])
    }

    @Test("an account that the bank lists no more, or lists as closed, is closed once", arguments: [true, false])
    func vanished(isListed: Bool) {
        let listed = [row("a", "Savings")] + (isListed ? [row("b", "Current", "current", isActive: false)] : [])
        var closed = second
        closed.isClosed = true
        #expect(AccountReview.changes(known: [first, second], listed: listed) == [closed])
        #expect(AccountReview.changes(known: [first, closed], listed: listed).isEmpty)
    }

    @Test("an empty list closes nothing")
    func empty() {
        #expect(AccountReview.changes(known: [first, second], listed: []).isEmpty)
    }

    @Test("a closed account that is listed again is open again only if the consent names it", arguments: [true, false])
    func returned(isConsented: Bool) {
        var closed = second
        closed.isClosed = true
        closed.isConsented = isConsented
        var open = closed
        open.isClosed = false
        let changes = AccountReview.changes(known: [first, closed], listed: [row("a", nil), row("b", nil, nil)])
        #expect(changes == (isConsented ? [open] : []))
    }

    @Test("a bank that gives an account another id is known by the number, and no id is given twice")
    func otherID() {
        var numbered = first
        numbered.number = "0690000031"
        var moved = numbered
        moved.upstreamID = "z"
        let row = FetchedAccount(upstreamID: "z", number: "0690000031", name: nil)
        #expect(AccountReview.changes(known: [numbered], listed: [row]) == [moved])
        var twin = second
        twin.upstreamID = "z"
        let changes = AccountReview.changes(known: [numbered, twin], listed: [row])
        #expect(changes.map(\.upstreamID) == ["a"])
        #expect(changes.map(\.isClosed) == [true])
    }

    @Test("an account that was not chosen at linking is not added")
    func new() {
        #expect(AccountReview.changes(known: [first], listed: [row("a", nil), row("c", "New")]).isEmpty)
    }

    @Test("the step is kept as text and read back")
    func step() {
        #expect(SyncStep(SyncStep.accounts.text) == .accounts)
        #expect(SyncStep("accounts:x") == nil)
    }
}
