import Connectors
import Domain
import Engine
import Storage
import Synchronization
import TestKit
import Testing

/// A bank that answers only when a test lets it.
private final class BankGate: HTTPTransport {
    private struct State {
        var isOpen = true
        var arrived = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }
    private let inner: any HTTPTransport
    private let state = Mutex(State())

    init(_ inner: any HTTPTransport) { self.inner = inner }

    func send(_ request: HTTPRequestData) async throws(HTTPTransportError) -> HTTPReplyData {
        await withCheckedContinuation { continuation in
            let (isOpen, watchers) = state.withLock { state in
                state.arrived += 1
                let arrived = state.arrived
                let due = state.watchers.filter { $0.count <= arrived }.map(\.continuation)
                state.watchers.removeAll { $0.count <= arrived }
                if !state.isOpen { state.waiting.append(continuation) }
                return (state.isOpen, due)
            }
            if isOpen { continuation.resume() }
            for watcher in watchers { watcher.resume() }
        }
        return try await inner.send(request)
    }

    func close() { state.withLock { $0.isOpen = false } }

    func open() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            state.isOpen = true
            return state.waiting
        }
        for one in waiting { one.resume() }
    }

    /// Returns when so many requests came in all.
    func arrived(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isSo = state.withLock { state in
                if state.arrived >= count { return true }
                state.watchers.append((count, continuation))
                return false
            }
            if isSo { continuation.resume() }
        }
    }

    var arrived: Int { state.withLock { $0.arrived } }
}

/// A world whose bank is behind a gate, with a session at its first form.
private struct Scene {
    let world: World
    let gate: BankGate
    let first: LinkView

    static let login = StepAnswer(fields: ["username": "success", "password": "pass"])

    init(_ database: Database) async throws {
        let kept = Mutex<BankGate?>(nil)
        world = try await World.make(on: database) { transport in
            let gate = BankGate(transport)
            kept.withLock { $0 = gate }
            return gate
        }
        gate = try #require(kept.withLock { $0 })
        first = try await world.services.links.begin(BeginLink(institution: "access-bank"), in: world.environment())
    }

    func answer(_ answer: StepAnswer = login, revision: Int64? = 1) async throws -> LinkView {
        try await world.services.links.answer(
            sessionID: first.id, in: world.scope, answer: answer, revision: revision)
    }

    func find() async throws -> LinkView {
        try await world.services.links.find(sessionID: first.id, in: world.scope)
    }

    func perform(_ move: LinkMove, revision: Int64? = nil) async throws -> LinkView {
        try await world.services.links.perform(
            move, sessionID: first.id, in: world.scope, revision: revision)
    }

    func connections() async throws -> Int64? {
        try await world.core.database.read { db in try db.first("SELECT SUM(1) FROM connection", []) { $0.int(0) } }
    }
}

@Suite(.timeLimit(.minutes(30))) struct LinkWorkingTests {
    @Test("while an answer is being worked on, the session is a wait, and the same answer joins it")
    func working() async throws {
        try await onEveryDatabase { database in
            let scene = try await Scene(database)
            scene.gate.close()
            async let first = scene.answer()
            await scene.gate.arrived(1)
            let seen = try await scene.find()
            #expect(seen.isWorking)
            #expect(seen.status == .active)
            #expect(seen.revision == 1)
            guard case .wait = seen.step else { return #expect(Bool(false), "expected a wait, got \(seen.step)") }
            let other = try await scene.answer(StepAnswer(fields: ["username": "otp", "password": "pass"]))
            #expect(other.outcome == .busy)
            async let second = scene.answer()
            await scene.world.runtime.sleepers(atLeast: 1)
            scene.gate.open()
            let (one, two) = try await (first, second)
            #expect(one.outcome == .taken)
            #expect(two.outcome == .joined)
            #expect(one.connectionID != nil && one.connectionID == two.connectionID)
            #expect(try await scene.connections() == 1)
            let late = try await scene.answer()
            #expect(late.outcome == .past)
            #expect(late.status == .done)
        }
    }

    @Test("who waits for a session hears of its change at once, and of nothing when its time is up")
    func watching() async throws {
        try await onEveryDatabase { database in
            let scene = try await Scene(database)
            let idle = try await scene.world.services.links.watch(
                sessionID: scene.first.id, in: scene.world.scope, seconds: 20, revision: nil)
            #expect(idle.revision == 1, "a form is not waited for")
            scene.gate.close()
            async let answered = scene.answer()
            await scene.gate.arrived(1)
            async let watched = scene.world.services.links.watch(
                sessionID: scene.first.id, in: scene.world.scope, seconds: 20, revision: nil)
            await scene.world.runtime.sleepers(atLeast: 1)
            scene.gate.open()
            #expect(try await watched.status == .done)
            _ = try await answered

            let other = try await scene.world.services.links.begin(
                BeginLink(institution: "access-bank"), in: scene.world.environment())
            async let silent = scene.world.services.links.watch(
                sessionID: other.id, in: scene.world.scope, seconds: 1, revision: 1)
            await scene.world.runtime.sleepers(atLeast: 1)
            scene.world.runtime.advance(milliseconds: 1000)
            #expect(try await silent.revision == 1)
        }
    }

    @Test("what another node does to a session is seen within a second")
    func otherNode() async throws {
        try await onEveryDatabase { database in
            let scene = try await Scene(database)
            let other = try await World.make(on: database, sameAs: scene.world)
            async let watched = scene.world.services.links.watch(
                sessionID: scene.first.id, in: scene.world.scope, seconds: 20, revision: 1)
            await scene.world.runtime.sleepers(atLeast: 1)
            _ = try await other.services.links.answer(
                sessionID: scene.first.id, in: scene.world.scope, answer: Scene.login, revision: 1)
            scene.world.runtime.advance(milliseconds: 1000)
            #expect(try await watched.status == .done)
        }
    }

    @Test("work that never came back is given up, and the step can be answered again")
    func crashed() async throws {
        try await onEveryDatabase { database in
            let scene = try await Scene(database)
            scene.gate.close()
            async let lost = scene.answer()
            await scene.gate.arrived(1)
            // The node that works on it is gone for good, as far as another one can see.
            let other = try await World.make(on: database, sameAs: scene.world)
            let id = scene.first.id
            let scope = scene.world.scope
            #expect(try await other.services.links.find(sessionID: id, in: scope).isWorking)
            scene.world.runtime.advance(milliseconds: 40_000)
            let free = try await other.services.links.find(sessionID: id, in: scope)
            #expect(!free.isWorking)
            #expect(free.step == scene.first.step)
            let done = try await other.services.links.answer(
                sessionID: id, in: scope, answer: Scene.login, revision: 1)
            #expect(done.outcome == .taken)
            #expect(done.status == .done)
            scene.gate.open()
            let late = try await lost
            #expect(late.connectionID == done.connectionID)
            #expect(try await scene.connections() == 1)
        }
    }

    @Test("a bank that does not answer leaves the step, says why, and tells all who joined")
    func unavailable() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database) { transport in
                FaultyTransport(transport) { _, number in number == 1 ? .html(status: 502) : nil }
            }
            let links = world.services.links
            let first = try await links.begin(BeginLink(institution: "access-bank"), in: world.environment())
            let error = await #expect(throws: DomainError.self) {
                try await links.answer(sessionID: first.id, in: world.scope, answer: Scene.login, revision: 1)
            }
            #expect(error?.code == .unavailable)
            let seen = try await links.find(sessionID: first.id, in: world.scope)
            #expect(seen.problem?.message.isEmpty == false)
            #expect(seen.revision == 1 && !seen.isWorking)
            let again = try await links.answer(sessionID: first.id, in: world.scope, answer: Scene.login, revision: 1)
            #expect(again.status == .done)
            #expect(again.problem == nil)
        }
    }

    @Test("a person goes back and links another bank in the same session")
    func back() async throws {
        try await onEveryDatabase { database in
            let scene = try await Scene(database)
            let chosen = try await scene.perform(.back)
            #expect(chosen.step == .selectInstitution)
            #expect(chosen.institution == nil)
            #expect(chosen.revision == 2)
            await #expect(throws: DomainError.self) { try await scene.answer(revision: 2) }
            await #expect(throws: DomainError.self) { try await scene.perform(.retry) }
            let other = try await scene.perform(.choose(institution: "guaranty-trust-bank"))
            #expect(other.institution != nil && other.institution != scene.first.institution)
            #expect(other.consentText != scene.first.consentText)
            let done = try await scene.answer(revision: other.revision)
            #expect(done.status == .done)
            #expect(try await scene.perform(.back).outcome == .past)
        }
    }

    @Test("a session can begin without a bank")
    func choosesFirst() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let first = try await world.services.links.begin(BeginLink(), in: world.environment())
            #expect(first.step == .selectInstitution)
            let form = try await world.services.links.perform(
                .choose(institution: "access-bank"), sessionID: first.id, in: world.scope, revision: first.revision)
            guard case .form = form.step else { return #expect(Bool(false), "expected a form, got \(form.step)") }
            await #expect(throws: DomainError.self) {
                try await world.services.links.perform(
                    .choose(institution: "no-bank"), sessionID: first.id, in: world.scope, revision: nil)
            }
        }
    }

    @Test("who goes back or away while the bank works keeps no access there", arguments: [true, false])
    func leftWhileWorking(isBack: Bool) async throws {
        try await onEveryDatabase { database in
            let scene = try await Scene(database)
            scene.gate.close()
            async let answered = scene.answer()
            await scene.gate.arrived(1)
            if isBack {
                #expect(try await scene.perform(.back).step == .selectInstitution)
            } else {
                let left = try await scene.world.services.links.abandon(
                    sessionID: scene.first.id, in: scene.world.scope, reason: "closed the window")
                #expect(left.status == .abandoned)
                #expect(left.reason == "closed the window")
            }
            scene.gate.open()
            let late = try await answered
            #expect(late.connectionID == nil)
            #expect(late.status == (isBack ? .active : .abandoned))
            let (connections, customers, kept, ended) = try await database.read { db in
                func count(_ sql: String) throws -> Int64? { try db.first(sql, []) { $0.intOrNil(0) ?? 0 } }
                return (
                    try count("SELECT SUM(1) FROM connection"), try count("SELECT SUM(1) FROM customer"),
                    try count("SELECT SUM(1) FROM sandbox_grant WHERE ended IS NULL"),
                    try count("SELECT SUM(1) FROM sandbox_grant WHERE ended IS NOT NULL")
                )
            }
            #expect(connections == 0 && customers == 0)
            #expect(kept == 0 && ended == 1, "access that nobody keeps is withdrawn")
        }
    }

    @Test("a link that the bank refused for good can be begun afresh in the same session")
    func freshStart() async throws {
        try await onEveryDatabase { database in
            let scene = try await Scene(database)
            let failed = try await scene.answer(StepAnswer(fields: ["username": "locked", "password": "pass"]))
            #expect(failed.status == .failed)
            #expect(try await scene.answer(revision: failed.revision).outcome == .past)
            let fresh = try await scene.perform(.retry)
            #expect(fresh.status == .active)
            #expect(fresh.step == scene.first.step)
            #expect(try await scene.answer(revision: fresh.revision).status == .done)
        }
    }

    @Test("a session past its time is expired for everyone at once")
    func expiry() async throws {
        try await onEveryDatabase { database in
            let scene = try await Scene(database)
            scene.world.runtime.advance(milliseconds: 31 * 60_000)
            #expect(try await scene.find().status == .expired)
            await #expect(throws: DomainError.self) { try await scene.perform(.back) }
        }
    }
}
