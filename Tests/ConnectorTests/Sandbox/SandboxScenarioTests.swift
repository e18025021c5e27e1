import Connectors
import Domain
import TestKit
import Testing

struct SandboxScenarioTests {
    @Test("success links at once with two accounts, at every institution")
    func success() async throws {
        try await onEveryWorld { world in
            var numbers: Set<String> = []
            for institution in InstitutionCatalog.all {
                let context = world.context(institution.slug)
                let begun = try await world.connector.beginLink(LinkRequest(products: []), context)
                let progress = try await world.connector.continueLink(
                    begun.state, SandboxWorld.login("success"), context)
                let accounts = try #require(progress.linked?.accounts, "\(institution.slug)")
                #expect(accounts.count == 2)
                for account in accounts {
                    let number = try #require(account.number)
                    let code = institution.nubanCode ?? institution.nipCode ?? "999999"
                    #expect(AccountNumber.isValid(number, institutionCode: code), "\(institution.slug): \(number)")
                    numbers.insert(number)
                }
            }
            #expect(numbers.count == InstitutionCatalog.all.count * 2)
        }
    }

    @Test("otp asks for 0000, counts wrong ones and locks after three")
    func otp() async throws {
        try await onEveryWorld { world in
            let asked = try await world.begin("otp")
            guard case .form(let form) = asked.step else { throw WorldError("\(asked.step)") }
            #expect(form.fields.map(\.kind) == [.otp] && form.attemptsLeft == 3 && form.problem == nil)
            let wrong = StepAnswer(fields: ["otp": "1234"])
            for left in [2, 1] {
                let again = try await world.connector.continueLink(asked.state, wrong, world.context())
                guard case .form(let form) = again.step else { throw WorldError("\(again.step)") }
                #expect(form.attemptsLeft == left && form.problem != nil)
            }
            let last = try await world.connector.continueLink(asked.state, wrong, world.context())
            #expect(last.step == .failed(ConnectorError(.userLocked, upstreamCode: "user_locked")))
            let right = StepAnswer(fields: ["otp": "0000"])
            let locked = try await world.connector.continueLink(asked.state, right, world.context())
            #expect(locked.linked == nil)
            world.advance(days: 1)
            let fresh = try await world.begin("otp")
            let done = try await world.connector.continueLink(fresh.state, right, world.context())
            #expect(done.step == .done && done.linked?.accounts.count == 2)
        }
    }

    @Test("a code that comes too late has expired")
    func otpTooLate() async throws {
        try await onEveryWorld { world in
            let asked = try await world.begin("otp")
            world.advance(minutes: 10)
            let late = try await world.connector.continueLink(
                asked.state, StepAnswer(fields: ["otp": "0000"]), world.context())
            guard case .failed(let error) = late.step else { throw WorldError("\(late.step)") }
            #expect(error.code == .mfaExpired)
        }
    }

    @Test("question takes the documented answer only")
    func question() async throws {
        try await onEveryWorld { world in
            let asked = try await world.begin("question")
            guard case .form(let form) = asked.step else { throw WorldError("\(asked.step)") }
            #expect(form.prompt == SandboxScenario.questionText)
            let wrong = try await world.connector.continueLink(
                asked.state, StepAnswer(fields: ["answer": "Abuja"]), world.context())
            #expect(wrong.linked == nil)
            let right = try await world.connector.continueLink(
                asked.state, StepAnswer(fields: ["answer": SandboxScenario.answerText]), world.context())
            #expect(right.step == .done)
        }
    }

    @Test("accounts shares the chosen accounts and no other")
    func accounts() async throws {
        try await onEveryWorld { world in
            let asked = try await world.begin("accounts")
            guard case .selectAccounts(let choices) = asked.step else { throw WorldError("\(asked.step)") }
            #expect(choices.count == 3 && choices.allSatisfy { $0.mask.count == 4 && !$0.name.isEmpty })
            for bad in [StepAnswer(), StepAnswer(accounts: ["acc_0000"])] {
                let again = try await world.connector.continueLink(asked.state, bad, world.context())
                #expect(again.step == asked.step)
            }
            let wanted = choices[1].upstreamID
            let done = try await world.connector.continueLink(
                asked.state, StepAnswer(accounts: [wanted]), world.context())
            let linked = try #require(done.linked)
            #expect(linked.accounts.map(\.upstreamID) == [wanted])
            #expect(try await world.connector.listAccounts(linked.grant, world.context()).map(\.upstreamID) == [wanted])
            let other = choices[0].upstreamID
            let code = await world.code {
                _ = try await world.connector.balance(linked.grant, account: other, world.context())
            }
            #expect(code == .accountNotFound)
        }
    }

    @Test("wrong_password refuses every password, for ever")
    func wrongPassword() async throws {
        try await onEveryWorld { world in
            for _ in 0..<7 {
                let progress = try await world.begin("wrong_password")
                guard case .form(let form) = progress.step else { throw WorldError("\(progress.step)") }
                #expect(form.problem != nil && form.attemptsLeft == 4)
            }
        }
    }

    @Test("locked is locked")
    func locked() async throws {
        try await onEveryWorld { world in
            let progress = try await world.begin("locked")
            guard case .failed(let error) = progress.step else { throw WorldError("\(progress.step)") }
            #expect(error.code == .userLocked)
        }
    }

    @Test("a bank that is down is the bank's trouble, not the user's")
    func bankDown() async throws {
        try await onEveryWorld { world in
            let begun = try await world.connector.beginLink(LinkRequest(products: []), world.context())
            do {
                _ = try await world.connector.continueLink(
                    begun.state, SandboxWorld.login("bank_down"), world.context())
                Issue.record("the bank is up")
            } catch let error as ConnectorError {
                #expect(error.code == .providerUnavailable && error.retryAfterSeconds == 60)
            }
        }
    }

    @Test("slow takes three seconds for every answer, a fast customer none")
    func slow() async throws {
        try await onEveryWorld { world in
            try await world.create("fast") { $0.internetSpeed = 5 }
            try await world.create("poor") { $0.internetSpeed = 2 }
            for (user, password, delay) in [
                ("slow", "pass", 3_000), ("fast", "secret-word", 0), ("poor", "secret-word", 400),
            ] {
                let body = #"{"username":"\#(user)","password":"\#(password)"}"#
                let reply = await world.bank.handle(
                    method: "POST", path: "/env/7/zenith-bank/login", headers: [], body: Array(body.utf8))
                #expect(reply.status == 200 && reply.delayMs == Int64(delay), "\(user)")
            }
        }
    }

    @Test("dies_on_refresh links and fetches, and needs a new login a minute later")
    func diesOnRefresh() async throws {
        try await onEveryWorld { world in
            let linked = try await world.link("dies_on_refresh")
            #expect(try await world.recent(linked).isEmpty == false)
            world.advance(minutes: 1)
            do {
                _ = try await world.connector.listAccounts(linked.grant, world.context())
                Issue.record("the token lives")
            } catch let error as ConnectorError {
                #expect(error.isTokenExpired)
            }
            for _ in 0..<2 {
                do {
                    _ = try await world.connector.refreshAuth(linked.grant, world.context())
                    Issue.record("the grant lives")
                } catch let error as ConnectorError {
                    #expect(error.code == .reauthRequired && !error.isTokenExpired)
                }
            }
            let again = try await world.link("dies_on_refresh")
            #expect(again.accounts == linked.accounts && again.upstreamUserID == linked.upstreamUserID)
        }
    }

    @Test("consent_expires tells the end at linking and keeps to it")
    func consentExpires() async throws {
        try await onEveryWorld { world in
            let linked = try await world.link("consent_expires")
            #expect(linked.consentExpiresAt == world.now + 7 * Instant.dayMs)
            world.advance(days: 6)
            let grant = try await world.connector.refreshAuth(linked.grant, world.context())
            world.advance(days: 1)
            #expect(
                await world.code { _ = try await world.connector.listAccounts(grant, world.context()) }
                    == .consentExpired)
            #expect(
                await world.code { _ = try await world.connector.refreshAuth(grant, world.context()) }
                    == .consentExpired)
        }
    }

    @Test("pending posts two days later with another id and amount, and one reconciled row")
    func pending() async throws {
        try await onEveryWorld { world in
            let linked = try await world.link("pending")
            let before = try await world.recent(linked)
            let hold = try #require(before.first { $0.status == .pending })
            #expect(before.filter { $0.status == .pending }.count == 1 && hold.runningBalance == nil)
            let account = linked.accounts[0].upstreamID
            let balance = try await world.connector.balance(linked.grant, account: account, world.context())
            let held = try #require(balance.available).minor - (try #require(balance.ledger).minor)
            #expect(held == hold.amount.minor)

            world.advance(days: 2)
            let grant = try await world.connector.refreshAuth(linked.grant, world.context())
            let window = DayWindow(from: world.now.day().adding(days: -30), to: world.now.day())
            let after = try await world.rows(grant, account, from: window.from, to: window.to)
            #expect(!after.contains { $0.status == .pending })
            let stored = before.map { StoredTransaction(id: world.runtime.newID(), fetched: $0) }
            let result = Reconciler.reconcile(stored: stored, fetched: after, window: window)
            let change = try #require(result.modified.first)
            #expect(result.modified.count == 1 && result.removed.isEmpty && change.before == hold)
            #expect(change.after.status == .booked && change.after.upstreamID != hold.upstreamID)
            #expect(change.after.amount != hold.amount && change.after.supersedes == nil)
        }
    }

    @Test("removed has a pending row that is gone a day later")
    func removed() async throws {
        try await onEveryWorld { world in
            let linked = try await world.link("removed")
            let before = try await world.recent(linked)
            let hold = try #require(before.first { $0.status == .pending })
            world.advance(days: 1)
            let grant = try await world.connector.refreshAuth(linked.grant, world.context())
            let window = DayWindow(from: world.now.day().adding(days: -30), to: world.now.day())
            let after = try await world.rows(grant, linked.accounts[0].upstreamID, from: window.from, to: window.to)
            let stored = before.map { StoredTransaction(id: world.runtime.newID(), fetched: $0) }
            let result = Reconciler.reconcile(stored: stored, fetched: after, window: window)
            #expect(result.removed.map(\.fetched) == [hold] && result.modified.isEmpty)
        }
    }

    @Test("sparse says nothing that need not be said")
    func sparse() async throws {
        try await onEveryWorld { world in
            let linked = try await world.link("sparse")
            for account in linked.accounts {
                let bare = FetchedAccount(upstreamID: account.upstreamID, number: nil, name: nil)
                #expect(account == bare)
            }
            let account = linked.accounts[0].upstreamID
            let balance = try await world.connector.balance(linked.grant, account: account, world.context())
            #expect(balance.ledger == nil && balance.available == nil)
            let rows = try await world.recent(linked)
            #expect(!rows.isEmpty)
            for row in rows {
                let bare = FetchedTransaction(
                    upstreamID: nil, status: row.status, amount: row.amount, bookedOn: row.bookedOn, text: row.text)
                #expect(row == bare)
            }
            #expect(try await world.connector.identity(linked.grant, world.context()) == IdentityDetails())
        }
    }
}
