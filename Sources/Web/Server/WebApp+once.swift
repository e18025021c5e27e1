import Domain
import Engine
import HTTPTypes
import NIOCore

/// Requests that are repeated under their `Idempotency-Key` get the first answer, and change nothing again.
extension WebApp {
    func once(_ call: Call) async throws -> Reply {
        let route = call.route
        guard route.commitsReply || route.keepsReply, let request = try request(call, call.bytes) else {
            return try await route.handle(call)
        }
        let service = IdempotencyService(core: services.core)
        return route.commitsReply
            ? try await committed(call, request, service) : try await keptAfter(call, request, service)
    }

    /// The same for a body that is read while it comes: what was sent is known when it is read to its end.
    func onceStreamed(_ call: Call) async throws -> Reply {
        guard call.route.commitsReply, let stream = call.stream, let request = try request(call, []) else {
            return try await call.route.handle(call)
        }
        let service = IdempotencyService(core: services.core)
        if try await service.isTaken(request) {
            let whole = try await request.with(stream.pieces)
            guard let known = try await service.find(whole) else { throw Self.overtaken }
            return replayed(known)
        }
        var call = call
        call.idempotency = request
        do {
            return try await call.route.handle(call)
        } catch is RequestRepeated {
            throw Self.overtaken
        }
    }

    private static let overtaken = DomainError(
        .conflict, "Another request with this Idempotency-Key came first. Try again.", field: "Idempotency-Key")

    /// nil when there is no key, or nobody whose key it is: a browser's calls are told apart by the revision of their
    /// session.
    private func request(_ call: Call, _ body: [UInt8]) throws -> IdempotentRequest? {
        guard let caller = call.caller, let key = call.headers[.idempotencyKey] else { return nil }
        let query = call.query.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let parameters = call.parameters.sorted { $0.key < $1.key }
        let place = "\(call.route.method) \(call.route.path)\n\(parameters)\n\(query)\n"
        return try IdempotencyService(core: services.core).request(
            key, content: Array(place.utf8) + body, in: caller.environment)
    }

    /// The change itself commits the key and the reply.
    private func committed(
        _ call: Call, _ request: IdempotentRequest, _ service: IdempotencyService
    ) async throws -> Reply {
        if let known = try await service.find(request) { return replayed(known) }
        var call = call
        call.idempotency = request
        let reply: Reply
        do {
            reply = try await call.route.handle(call)
        } catch {
            // The same request may have been done meanwhile, and be the reason why this one is refused.
            if let known = try await service.find(request) { return replayed(known) }
            guard error is RequestRepeated else { throw error }
            throw Self.overtaken
        }
        // Where nothing was left to change, nothing kept the answer.
        try await service.keepIfFree(request, kept(reply))
        return reply
    }

    /// The work commits in several steps: the key is taken before them, the reply kept after them.
    private func keptAfter(
        _ call: Call, _ request: IdempotentRequest, _ service: IdempotencyService
    ) async throws -> Reply {
        if let known = try await service.take(request) { return replayed(known) }
        do {
            let reply = try await call.route.handle(call)
            try await service.keep(request, kept(reply))
            return reply
        } catch {
            try await service.drop(request)
            throw error
        }
    }

    private func kept(_ reply: Reply) -> IdempotencyService.Kept {
        .init(status: reply.status.code, body: Array(reply.body.readableBytesView))
    }

    private func replayed(_ known: IdempotencyService.Kept) -> Reply {
        var reply = Reply(status: .init(code: known.status), body: ByteBuffer(bytes: known.body))
        reply.headers[.idempotencyReplayed] = "true"
        return reply
    }
}
