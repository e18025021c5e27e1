import Domain
import ServiceLifecycle
import Storage

/// How a session is read, and waited for.
extension LinkService {
    private static let deadlineMarginSeconds: Int64 = 3

    /// As it is now; while the bank is busy, asks it. What another request works on is not waited for.
    public func find(sessionID: String, in scope: Scope) async throws -> LinkView {
        let environment = try await core.environment(scope)
        let session = try await get(sessionID, scope)
        return try await asked(session, environment)
    }

    /// - Throws: `not_found` when there is no such session here.
    public func known(sessionID: String, in scope: Scope) async throws { _ = try await get(sessionID, scope) }

    private func asked(_ session: LinkSession, _ environment: Domain.Environment) async throws -> LinkView {
        let seen = try await shown(session, environment)
        guard seen.status == .active, !seen.isWorking, case .wait = seen.step else { return seen }
        if let view = try await run(try poll(session), session, nil, environment) { return view }
        return try await shown(try await get(session.id, environment.scope), environment)
    }

    /// Returns when there is something to do or to tell, or after so many seconds, as it is then.
    ///
    /// - Parameter revision: what the caller has seen; a session is waited for while it is still that, whatever its
    ///   step. Without it, only a `wait` is waited for.
    public func watch(
        sessionID: String, in scope: Scope, seconds: Int64, revision: Int64?
    ) async throws -> LinkView {
        guard let listener = bells.listen(sessionID) else { return try await find(sessionID: sessionID, in: scope) }
        defer { bells.forget(listener) }
        // The reply is to come before the server's deadline.
        let seconds = min(seconds, max(0, core.settings.deadlineSeconds - Self.deadlineMarginSeconds))
        let end = core.runtime.now() + seconds * 1000
        return try await withGracefulShutdownHandler {
            var askAt = core.runtime.now()
            while true {
                let environment = try await core.environment(scope)
                let session = try await get(sessionID, scope)
                let now = core.runtime.now()
                let view: LinkView
                if now >= askAt {
                    view = try await asked(session, environment)
                    if case .wait(_, let pollAfterMs) = view.step { askAt = now + max(pollAfterMs, Self.rereadMs) }
                } else {
                    view = try await shown(session, environment)
                }
                guard view.isToBeAwaited(revision), core.runtime.now() < end, !Task.isShuttingDownGracefully,
                    !Task.isCancelled
                else { return view }
                let pause = core.runtime.now() + Self.rereadMs
                await listener.bell.wait(until: min(end, pause), core.runtime)
            }
        } onGracefulShutdown: {
            listener.bell.set()
        }
    }
}

extension LinkView {
    fileprivate func isToBeAwaited(_ seen: Int64?) -> Bool {
        guard status == .active else { return false }
        if case .wait = step { return seen == nil || seen == revision }
        return seen == revision
    }
}
