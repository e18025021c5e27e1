import Domain
import TestKit
import Testing

/// A check that cannot fail proves nothing.
@Suite("What the simulation checks") struct SimulationChecksTests {
    private let login = SimulationPlan(seed: 1, days: 2).logins[0]
    private let now = Instant(ms: 1_705_309_200_000)

    private func state(_ rows: [(id: String, text: String)], events: [Int64] = [1, 2]) -> SimulationState {
        var account = SimulationState.Account(id: "a", upstreamID: "up", status: "active", ledgerMinor: 300)
        account.rows = rows.map {
            .init(id: $0.id, status: "booked", amountMinor: 100, day: "2024-01-14", text: $0.text, runningMinor: 300)
        }
        return SimulationState(
            id: "c", status: "active", accounts: [account],
            events: events.map { .init(id: $0, sequence: $0, type: "balance.success") }, balanceOK: now.ms,
            transactionsOK: now.ms)
    }

    private func truth(_ texts: [String]) -> SimulationObserver.Truth {
        var truth = SimulationObserver.Truth(
            accounts: [FetchedAccount(upstreamID: "up", number: nil, name: nil)], from: now.day().adding(days: -45),
            now: now)
        truth.rows["up"] = texts.map {
            FetchedTransaction(
                upstreamID: nil, status: .booked, amount: Money(minor: 100, currency: .ngn),
                bookedOn: now.day().adding(days: -1), text: $0)
        }
        return truth
    }

    private func findings(_ body: (inout SimulationChecks) -> Void) -> String {
        var checks = SimulationChecks()
        body(&checks)
        return checks.findings.joined(separator: "\n")
    }

    @Test("a lost, a doubled and a renamed row are found, and nothing where all is well")
    func rows() {
        let one = state([("t1", "a"), ("t2", "b")])
        #expect(findings { $0.truth(one, truth(["a", "b"]), login) } == "")
        #expect(findings { $0.truth(one, truth(["a", "b", "c"]), login) }.contains("lost"))
        #expect(findings { $0.truth(one, truth(["a"]), login) }.contains("doubled"))
        let other = state([("t1", "a"), ("t3", "b")])
        let changed = findings {
            $0.ids(["c": one])
            $0.ids(["c": other])
        }
        #expect(changed.contains("changed"))
        var poor = one
        poor.accounts[0].ledgerMinor = 299
        #expect(findings { $0.truth(poor, truth(["a", "b"]), login) }.contains("balance"))
    }

    @Test("a gap in the sequence, an event that was not told and one told under two ids are found")
    func events() {
        let good = state([])
        func told(_ numbers: [(Int64, String)]) -> Set<SimulatedShop.Told> {
            Set(numbers.map { SimulatedShop.Told(connection: "c", sequence: $0.0, id: $0.1) })
        }
        #expect(findings { $0.sequences(["c": good]) } == "")
        #expect(findings { $0.sequences(["c": state([], events: [1, 3])]) }.contains("numbered"))
        #expect(findings { $0.events(["c": good], told([(1, "x"), (2, "y")])) } == "")
        #expect(findings { $0.events(["c": good], told([(1, "x")])) }.contains("never told"))
        #expect(findings { $0.events(["c": good], told([(1, "x"), (2, "y"), (2, "z")])) }.contains("one number"))
    }

    @Test("data that is too old, a rate and a budget that were passed are found")
    func limits() {
        var old = state([])
        #expect(findings { $0.freshness(old, login, now: now) } == "")
        old.balanceOK = now.ms - 3 * Instant.dayMs
        #expect(findings { $0.freshness(old, login, now: now) }.contains("balance is"))
        func calls(_ institution: String, _ count: Int, everyMs: Int64) -> [BankWatch.Call] {
            (0..<count).map { .init(institution: institution, grant: "g", atMs: now.ms + Int64($0) * everyMs) }
        }
        #expect(findings { $0.caps(calls("wema-bank", 16, everyMs: 1000)) } == "")
        #expect(findings { $0.caps(calls("wema-bank", 17, everyMs: 1000)) }.contains("window"))
        #expect(findings { $0.caps(calls("wema-bank", 17, everyMs: 60_000)) } == "")
        #expect(findings { $0.caps(calls("sterling-bank", 31, everyMs: 60_000)) }.contains("in a day"))
    }
}
