import Connectors
import Domain
import Storage
import Synchronization
import TestKit
import Testing

@testable import Engine

/// A bank with a login page of its own: codes that begin with `good` log in, and pushes say what the test writes.
private final class HostedBank: Connector {
    static let secret = "secret-of-the-bank"
    let descriptor = ConnectorDescriptor(
        id: "hosted",
        capabilities: Capabilities(products: [.auth, .accounts, .balance], pushes: true, redirects: true),
        institutions: InstitutionCatalog.slugs, environments: [.production, .sandbox], access: .hostedPage)
    struct State {
        var references: [String] = []
        var renews: [Grant?] = []
        var revoked: [Grant] = []
        var exchanges = 0
        /// Happens while a code is exchanged.
        var meanwhile: (@Sendable () async -> Void)?
        /// The bank names no login.
        var isNameless = false
        /// The account came back with another id and without its number.
        var isDoubtful = false
    }
    let state = Mutex(State())

    static func grant(_ user: String) -> Grant { Grant(bytes: Array(user.utf8)) }

    func beginLink(_ request: LinkRequest, _ context: ConnectorContext) async throws(ConnectorError) -> LinkProgress {
        guard let reference = request.reference, request.returnURL?.hasSuffix("/link/return/\(reference)") == true
        else {
            throw ConnectorError(.invalidRequest)
        }
        state.withLock {
            $0.references.append(reference)
            $0.renews.append(request.renews)
        }
        return LinkProgress(step: .redirect(url: "https://bank.example/login"), state: [1])
    }

    func continueLink(
        _ state: [UInt8], _ answer: StepAnswer, _ context: ConnectorContext
    ) async throws(ConnectorError) -> LinkProgress {
        if let access = answer.access { return linked(String(decoding: access.bytes, as: UTF8.self)) }
        guard let code = answer.fields["code"] else {
            return answer.cameBack
                ? LinkProgress(step: .wait(reason: "confirming", pollAfterMs: 1000), state: [2])
                : LinkProgress(step: .redirect(url: "https://bank.example/login"), state: [1])
        }
        let meanwhile = self.state.withLock { state in
            state.exchanges += 1
            defer { state.meanwhile = nil }
            return state.meanwhile
        }
        await meanwhile?()
        guard code.hasPrefix("good") else {
            return LinkProgress(step: .failed(ConnectorError(.mfaExpired)), state: [])
        }
        return linked("user-1")
    }

    private func linked(_ user: String) -> LinkProgress {
        let (isNameless, isDoubtful) = state.withLock { ($0.isNameless, $0.isDoubtful) }
        let account = FetchedAccount(
            upstreamID: isDoubtful ? "another" : "a-\(user)", number: isDoubtful ? nil : "0131883461", name: "ADA",
            holderName: "ADA")
        return LinkProgress(
            step: .done, state: [],
            linked: LinkedAccess(
                grant: Self.grant(user), accounts: [account], upstreamUserID: isNameless ? nil : user))
    }

    func poll(_ state: [UInt8], _ context: ConnectorContext) async throws(ConnectorError) -> LinkProgress {
        LinkProgress(step: .wait(reason: "confirming", pollAfterMs: 1000), state: state)
    }

    func refreshAuth(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) -> Grant { grant }

    func revoke(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) {
        state.withLock { $0.revoked.append(grant) }
    }

    func listAccounts(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) -> [FetchedAccount] {
        linked(String(decoding: grant.bytes, as: UTF8.self)).linked?.accounts ?? []
    }

    func balance(
        _ grant: Grant, account: String, _ context: ConnectorContext
    ) async throws(ConnectorError) -> FetchedBalance {
        FetchedBalance(ledger: nil, available: Money(minor: 1, currency: .ngn), asOf: context.now)
    }

    func transactions(
        _ grant: Grant, account: String, window: DayWindow, cursor: String?, _ context: ConnectorContext
    ) async throws(ConnectorError) -> FetchPage { FetchPage(rows: [], nextCursor: nil) }

    func handleUpstreamWebhook(
        headers: [(name: String, value: String)], body: [UInt8], settings: ConnectorSettings
    ) throws(ConnectorError) -> [UpstreamEvent] {
        guard headers.first?.value == Self.secret else { throw ConnectorError(.accessDenied) }
        let words = String(decoding: body, as: UTF8.self).split(separator: " ").map(String.init)
        switch words.first {
        case "linked":
            return [.linked(reference: words[1], upstreamUserID: words[2], grant: Self.grant(words[2]))]
        case "login": return [.loginNeeded(environmentID: nil, upstreamUserID: words[1])]
        case "data": return [.dataReady(environmentID: nil, upstreamUserID: words[1])]
        default: throw ConnectorError(.protocolViolation)
        }
    }
}

@Suite("People who come back from a bank's own page")
struct LinkReturnTests {
    private struct Place {
        let world: World
        let bank: HostedBank

        var links: LinkService { world.services.links }
        var reference: String { bank.state.withLock { $0.references.last ?? "" } }

        func begin() async throws -> LinkView {
            try await links.begin(BeginLink(institution: "access-bank"), in: world.environment())
        }

        func push(_ text: String, secret: String = HostedBank.secret) async throws -> Int {
            try await world.services.upstream.receive(
                connector: "hosted", headers: [("secret", secret)], body: Array(text.utf8))
        }

        func view(_ id: String) async throws -> LinkView { try await links.find(sessionID: id, in: world.scope) }

        var revoked: [Grant] { bank.state.withLock { $0.revoked } }

        func linked() async throws -> String {
            let view = try await begin()
            _ = try await links.comeBack(reference, fields: ["code": "good"])
            return try #require(try await self.view(view.id).connectionID)
        }
    }

    private func everywhere(_ body: @Sendable (Place) async throws -> Void) async throws {
        try await onEveryDatabase { database in
            let bank = HostedBank()
            var plan = World.Plan()
            plan.connectors = { _ in [bank] }
            let world = try await World.make(on: database, plan)
            try await body(Place(world: world, bank: bank))
        }
    }

    @Test("who comes back in time is linked; coming back twice changes nothing")
    func twice() async throws {
        try await everywhere { place in
            let begun = try await place.begin()
            #expect(begun.step == .redirect(url: "https://bank.example/login"))
            let first = try await place.links.comeBack(place.reference, fields: ["code": "good"])
            #expect(first.view.status == .done)
            #expect(first.business == "Acme Shop")
            #expect(first.bank == "Access Bank Plc")
            let second = try await place.links.comeBack(place.reference, fields: ["code": "good"])
            #expect(second.view.status == .done)
            #expect(second.view.outcome == .past)
            #expect(second.view.connectionID == first.view.connectionID)
            #expect(place.bank.state.withLock { $0.exchanges } == 1)
            // The push of what was linked already takes nothing back.
            #expect(try await place.push("linked \(place.reference) user-1") == 0)
            #expect(place.revoked.isEmpty)
        }
    }

    // MARK: access that a connection lives by

    /// A session to log in again to a connection's bank, by a link that may be used once.
    private func loggingInAgain(_ slug: String, _ place: Place) async throws -> (view: LinkView, reference: String) {
        let view = try await place.world.services.widgets.begin(
            try WidgetOpening(options: nil, ref: slug, origin: nil, mode: "page"), institution: "access-bank",
            loginType: nil)
        return (view, place.reference)
    }

    private func slug(_ record: String, _ place: Place) async throws -> String {
        try await place.world.services.shortLinks.createReauth(connection: record, in: place.world.environment()).slug
    }

    @Test(
        "the second tab of a link to log in again does not take the access back by which the connection lives",
        arguments: [false, true])
    func secondTab(_ isNameless: Bool) async throws {
        try await everywhere { place in
            place.bank.state.withLock { $0.isNameless = isNameless }
            let record = try await place.linked()
            let slug = try await slug(record, place)
            let (first, second) = (try await loggingInAgain(slug, place), try await loggingInAgain(slug, place))
            let done = try await place.links.comeBack(first.reference, fields: ["code": "good"])
            #expect(done.view.status == .done && done.view.connectionID == record)
            let late = try await place.links.comeBack(second.reference, fields: ["code": "good"])
            #expect(late.view.status == .failed)
            #expect(place.revoked.isEmpty)
        }
    }

    @Test("who leaves while a login is being renewed leaves the connection its access")
    func leavesRenewal() async throws {
        try await everywhere { place in
            let record = try await place.linked()
            let again = try await loggingInAgain(try await slug(record, place), place)
            let (links, scope) = (place.links, place.world.scope)
            place.bank.state.withLock { state in
                state.meanwhile = {
                    do {
                        _ = try await links.abandon(sessionID: again.view.id, in: scope)
                    } catch {
                        Issue.record(error)
                    }
                }
            }
            let back = try await links.comeBack(again.reference, fields: ["code": "good"])
            #expect(back.view.status == .abandoned)
            #expect(place.revoked.isEmpty)

            // A login that nobody lives by is still given back.
            let fresh = try await place.begin()
            let other = HostedBank.grant("user-2")
            #expect(try await place.links.abandon(sessionID: fresh.id, in: scope).status == .abandoned)
            _ = try await place.push("linked \(place.reference) user-2")
            #expect(place.revoked == [other])
        }
    }

    @Test(
        "a no, another try and leaving before the yes leave the connection its access",
        arguments: ["no", "retry", "go"]
    )
    func doubtful(_ word: String) async throws {
        try await everywhere { place in
            let record = try await place.linked()
            let again = try await loggingInAgain(try await slug(record, place), place)
            place.bank.state.withLock { $0.isDoubtful = true }
            let asked = try await place.links.comeBack(again.reference, fields: ["code": "good"]).view
            guard case .confirmAccounts = asked.step else {
                Issue.record("the step is \(asked.step)")
                return
            }
            let (links, scope) = (place.links, place.world.scope)
            switch word {
            case "no":
                let refused = try await links.answer(
                    sessionID: asked.id, in: scope, answer: StepAnswer(fields: ["confirm": "no"]),
                    revision: asked.revision)
                #expect(refused.status == .failed)
            case "retry":
                _ = try await links.perform(.retry, sessionID: asked.id, in: scope, revision: asked.revision)
            default: _ = try await links.abandon(sessionID: asked.id, in: scope)
            }
            #expect(place.revoked.isEmpty)
        }
    }

    @Test("a push that comes while the session is worked on is asked for again, and then takes nothing back")
    func pushMeanwhile() async throws {
        try await everywhere { place in
            let begun = try await place.begin()
            let refused = Mutex<DomainError?>(nil)
            let told = "linked \(place.reference) user-1"
            place.bank.state.withLock { state in
                state.meanwhile = {
                    do {
                        _ = try await place.push(told)
                    } catch {
                        refused.withLock { $0 = error as? DomainError }
                    }
                }
            }
            _ = try await place.links.comeBack(place.reference, fields: ["code": "good"])
            #expect(refused.withLock { $0 }?.code == .unavailable)
            #expect(try await place.view(begun.id).status == .done)
            #expect(try await place.push(told) == 0)
            #expect(place.revoked.isEmpty)
        }
    }

    @Test("a reference that was never given out leads nowhere, and neither does too much of a query")
    func foreign() async throws {
        try await everywhere { place in
            let begun = try await place.begin()
            await #expect(throws: DomainError.self) {
                try await place.links.comeBack(String(repeating: "0", count: 32), fields: ["code": "good"])
            }
            let many = Dictionary(uniqueKeysWithValues: (0..<21).map { ("f\($0)", "x") })
            await #expect(throws: DomainError.self) { try await place.links.comeBack(place.reference, fields: many) }
            #expect(try await place.view(begun.id).status == .active)
            #expect(try await place.push("linked another-systems-link user-9") == 0)
            #expect(place.revoked.isEmpty)
        }
    }

    @Test("an attempt that was left is over: its return changes nothing, and its login is given back")
    func leftAttempt() async throws {
        try await everywhere { place in
            let begun = try await place.begin()
            let old = place.reference
            _ = try await place.links.perform(
                .retry, sessionID: begun.id, in: place.world.scope, revision: begun.revision)
            #expect(place.reference != old)
            let back = try await place.links.comeBack(old, fields: ["code": "good"])
            #expect(back.view.outcome == .past)
            #expect(back.view.status == .active)
            #expect(try await place.push("linked \(old) user-1") == 0)
            #expect(place.revoked == [HostedBank.grant("user-1")])
            let now = try await place.links.comeBack(place.reference, fields: ["code": "good"])
            #expect(now.view.status == .done)
            // A connection lives by this access now: an old attempt's push leaves it alone.
            _ = try await place.push("linked \(old) user-1")
            #expect(place.revoked.count == 1)
        }
    }

    @Test("who comes back late finds the link over, and what the bank gave is given back")
    func late() async throws {
        try await everywhere { place in
            let begun = try await place.begin()
            place.world.runtime.advance(milliseconds: 24 * 3_600_000)
            let back = try await place.links.comeBack(place.reference, fields: ["code": "good"])
            #expect(back.view.status == .expired)
            #expect(try await place.push("linked \(place.reference) user-1") == 0)
            #expect(place.revoked == [HostedBank.grant("user-1")])
            #expect(try await place.view(begun.id).connectionID == nil)
        }
    }

    @Test("who never comes back is linked by the bank's push, also after a return that brought no code")
    func never() async throws {
        try await everywhere { place in
            let begun = try await place.begin()
            #expect(try await place.push("linked \(place.reference) user-1") == 1)
            #expect(try await place.view(begun.id).status == .done)
            let back = try await place.links.comeBack(place.reference, fields: ["code": "good"])
            #expect(back.view.outcome == .past)

            let second = try await place.begin()
            let silent = try await place.links.comeBack(place.reference, fields: ["status": "successful"])
            #expect(silent.view.status == .active)
            #expect(try await place.push("linked \(place.reference) user-2") == 1)
            #expect(try await place.view(second.id).status == .done)
        }
    }

    @Test("a code that is no longer valid fails the link, which can be begun again")
    func badCode() async throws {
        try await everywhere { place in
            let begun = try await place.begin()
            let back = try await place.links.comeBack(place.reference, fields: ["code": "old"])
            #expect(back.view.status == .failed)
            let again = try await place.links.perform(
                .retry, sessionID: begun.id, in: place.world.scope, revision: back.view.revision)
            #expect(again.status == .active)
            #expect(try await place.links.comeBack(place.reference, fields: ["code": "good"]).view.status == .done)
        }
    }

    @Test("a push that names no environment finds the login; its person is asked once, and logs in to the same account")
    func loginNeeded() async throws {
        try await everywhere { place in
            try await place.world.listen()
            let record = try await place.linked()
            try await place.world.settle()
            #expect(try await place.push("login user-1") == 1)
            #expect(try await place.push("login user-1") == 0)
            #expect(try await place.push("login nobody") == 0)
            try await place.world.settle()
            let asked = place.world.webhooks.requests.filter {
                String(decoding: $0.body, as: UTF8.self).contains("record.reauth_required")
            }
            #expect(asked.count == 1)
            let id = try #require(ID<Connection>(record))
            let scope = place.world.scope
            let stopped = try await place.world.core.database.read { try ConnectionStore.find(id, scope, $0) }
            #expect(stopped?.status == .needsUser)
        }
    }

    @Test("a push with a wrong secret is refused, one that cannot be read is told, and both are counted")
    func refused() async throws {
        try await everywhere { place in
            do {
                _ = try await place.push("data user-1", secret: "wrong")
                Issue.record("a push with a wrong secret is taken")
            } catch let error as DomainError {
                #expect(error.code == .unknownKey)
            }
            do {
                _ = try await place.push("garbage")
                Issue.record("garbage is taken")
            } catch let error as DomainError {
                #expect(error.code == .invalidJSON)
            }
            let counts = Dictionary(uniqueKeysWithValues: place.world.core.pushesReceived.map { ($0.of, $0.count) })
            #expect(counts == ["accepted": 0, "refused": 1, "unreadable": 1])
        }
    }
}
