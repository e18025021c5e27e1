import Domain
import Testing

@Suite("Which account is which after a new login")
struct AccountMappingTests {
    private func known(
        _ id: String, _ upstream: String, _ number: String?, _ name: String? = "Savings", type: String? = "savings",
        isClosed: Bool = false
    ) -> AccountMapping.Known {
        AccountMapping.Known(
            id: id, upstreamID: upstream, numberIndex: number, mask: number.map { String($0.suffix(4)) }, name: name,
            type: type, currency: .ngn, isClosed: isClosed)
    }

    private func fetched(
        _ upstream: String, _ number: String?, _ name: String? = "Savings", type: String? = "savings"
    ) -> FetchedAccount {
        FetchedAccount(upstreamID: upstream, number: number, name: name, type: type)
    }

    private func matches(_ old: [AccountMapping.Known], _ new: [FetchedAccount]) -> [AccountMapping.Match] {
        AccountMapping.matches(known: old, fetched: new, numberIndexes: new.map(\.number))
    }

    private func match(_ known: Int?, _ fetched: Int?, _ rule: AccountMapping.Rule?) -> AccountMapping.Match {
        AccountMapping.Match(known: known, fetched: fetched, rule: rule)
    }

    @Test("the bank's id and number decide, whatever the order and the names")
    func same() {
        let old = [known("1", "a", "0001"), known("2", "b", "0002", "Current")]
        let new = [fetched("b", "0002", "Renamed"), fetched("a", "0001", nil, type: nil)]
        #expect(matches(old, new) == [match(0, 1, .same), match(1, 0, .same)])
    }

    @Test("a bank that moved to another system gives every account another id: the numbers decide, certainly")
    func migrated() {
        let old = [known("1", "a", "0001"), known("2", "b", "0002")]
        let found = matches(old, [fetched("x", "0002"), fetched("y", "0001")])
        #expect(found == [match(0, 1, .number), match(1, 0, .number)])
        #expect(found.allSatisfy { $0.isCertain })
    }

    @Test("ids that the bank gave to other accounts do not beat the number")
    func swapped() {
        let old = [known("1", "a", "0001"), known("2", "b", "0002")]
        let found = matches(old, [fetched("a", "0002"), fetched("b", "0001")])
        #expect(found == [match(0, 1, .number), match(1, 0, .number)])
    }

    @Test("one bank id with another number is not certain")
    func renumbered() {
        let found = matches([known("1", "a", "0001")], [fetched("a", "0009")])
        #expect(found == [match(0, 0, .renumbered)])
        #expect(!found[0].isCertain)
    }

    @Test("neither id nor number: the same name, type and currency is a question")
    func named() {
        let old = [known("1", "a", "0001"), known("2", "b", "0002", "Current", type: "current")]
        let new = [fetched("y", "0008", " current ", type: "Current"), fetched("x", "0009", "SAVINGS")]
        #expect(matches(old, new) == [match(0, 1, .name), match(1, 0, .name)])
    }

    @Test("the only account left on either side is a question when it is of the same type")
    func onlyOne() {
        let old = [known("1", "a", "0001"), known("2", "b", "0002", "Holiday")]
        let new = [fetched("a", "0001"), fetched("c", "0003", "House")]
        #expect(matches(old, new) == [match(0, 0, .same), match(1, 1, .onlyOne)])
        let other = [fetched("a", "0001"), fetched("c", "0003", "House", type: "loan")]
        #expect(matches(old, other) == [match(0, 0, .same), match(1, nil, nil), match(nil, 1, nil)])
    }

    @Test("two of one name are never guessed at")
    func ambiguous() {
        let old = [known("1", "a", "0001"), known("2", "b", "0002")]
        let new = [fetched("x", "0008"), fetched("y", "0009")]
        let found = matches(old, new)
        #expect(found.allSatisfy { $0.rule == nil })
        #expect(found.count == 4)
    }

    @Test("an account that was left out before is taken up by id or number only")
    func closed() {
        let old = [known("1", "a", "0001", isClosed: true)]
        #expect(matches(old, [fetched("x", "0009")]) == [match(0, nil, nil), match(nil, 0, nil)])
        #expect(matches(old, [fetched("x", "0001")]) == [match(0, 0, .number)])
    }

    @Test("every account is in the plan exactly once, whatever the bank says")
    func complete() {
        var random = SeededRandom(seed: 41)
        for _ in 0..<2000 {
            func digits() -> String { String(Int.random(in: 0...3, using: &random)) }
            let old = (0..<Int.random(in: 0...4, using: &random)).map {
                known("\($0)", digits(), Bool.random(using: &random) ? digits() : nil, digits(), isClosed: $0 == 3)
            }
            let new = (0..<Int.random(in: 0...4, using: &random)).map { _ in
                fetched(digits(), Bool.random(using: &random) ? digits() : nil, digits())
            }
            let found = matches(old, new)
            #expect(found.compactMap(\.known).sorted() == Array(old.indices))
            #expect(found.compactMap(\.fetched).sorted() == Array(new.indices))
            for pair in found { #expect((pair.rule == nil) == (pair.known == nil || pair.fetched == nil)) }
        }
    }
}
