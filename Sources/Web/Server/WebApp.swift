import Domain
import Engine
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore

/// What an operator sets for the server.
public struct WebSettings: Sendable {
    public var bodyBytesMax: Int
    /// A body that takes longer ends the connection.
    public var bodySeconds: Int64
    /// Whether each request is written to the log.
    public var logsRequests: Bool
    /// Requests of one address a minute to each operation that needs no key; 0 is no limit.
    public var perAddressPerMinute = 300
    /// A worker answers probes alone.
    public var role = NodeRole.all

    public init(bodyBytesMax: Int = 1 << 20, bodySeconds: Int64 = 20, logsRequests: Bool = true) {
        self.bodyBytesMax = bodyBytesMax
        self.bodySeconds = bodySeconds
        self.logsRequests = logsRequests
    }
}

/// The server's outermost part: it names each request, finds its route, gives every error its answer, counts and logs.
///
/// Add `background` to the services that run beside the server: long work outlives its request there.
public struct WebApp: HTTPResponder {
    /// The context that every request is answered in.
    public typealias Context = WebContext

    /// A connection on which nothing comes is closed after this.
    public static let idleSeconds: Int64 = 75
    /// The protocol that it is to be served by.
    public static let server = HTTPServerBuilder.http1(configuration: .init(idleTimeout: .seconds(idleSeconds)))

    /// A long operation answers for itself at the deadline; only what comes before it is waited for longer.
    private static let longMarginSeconds: Int64 = 25

    public let background: BackgroundWork
    public let metrics: WebMetrics
    private let shared: Call.Shared
    var services: Services { shared.services }
    private let settings: WebSettings
    private let table: RouteTable
    private let limiter: RateLimiter
    private let addressLimiter: AddressLimiter
    private let logger: Logger

    public init(services: Services, settings: WebSettings = WebSettings(), gauges: [WebMetrics.Gauge] = []) {
        shared = Call.Shared(services)
        self.settings = settings
        let background = BackgroundWork(runtime: services.core.runtime)
        self.background = background
        metrics = WebMetrics()
        let own = WebMetrics.Gauge(
            "kubewa_http_deadlines", help: "Deadlines of requests that are not answered, and of bodies on their way."
        ) { [("", Double(background.watchedCount))] }
        table = RouteTable(
            (settings.role.answersRequests ? APICatalog.routes + LinkPage.routes + ReturnPage.routes : [])
                + ProbeRoutes.all(metrics, settings.role, EngineGauges.all(services.core) + [own] + gauges))
        limiter = RateLimiter(perMinute: services.core.settings.rateLimitPerMinute)
        addressLimiter = AddressLimiter(perMinute: settings.perAddressPerMinute)
        logger = services.core.logger
    }

    /// Answers every request; an error that nobody foresaw is an empty 500 with a request id.
    public func respond(to request: Request, context: WebContext) async throws -> Response {
        let start = services.core.runtime.now()
        let id = RequestID.choose(request.headers[.requestID], runtime: services.core.runtime)
        let path = PathNormalizer.normalize(request.uri.path)
        let isHead = request.method == .head
        var (reply, route) = await answer(request, context, path: path, method: isHead ? .get : request.method, id: id)
        if isHead { (reply.body, reply.stream) = (ByteBuffer(), nil) }
        let milliseconds = services.core.runtime.now() - start
        let name = route?.path ?? "unmatched"
        metrics.record(
            route: name, method: request.method.rawValue, status: reply.status.code, milliseconds: milliseconds)
        if settings.logsRequests {
            var metadata: Logger.Metadata = [
                "method": "\(request.method.rawValue)", "path": "\(name)", "status": "\(reply.status.code)",
                "ms": "\(milliseconds)", "request_id": "\(id)",
            ]
            if let trace = request.headers[.traceParent].flatMap(TraceParent.init(header:)) {
                metadata["trace_id"] = "\(trace.traceID)"
            }
            logger.info("request", metadata: metadata)
        }
        return reply.response(requestID: id)
    }

    private func answer(
        _ request: Request, _ context: WebContext, path: String, method: HTTPRequest.Method, id: String
    ) async -> (Reply, Route?) {
        switch table.find(method, path) {
        case .route(let route, let parameters):
            return (await inTime(route, parameters, request, context, id), route)
        case .methods(let methods):
            let names = methods.map(\.rawValue).joined(separator: ", ")
            var reply = ErrorReply.reply(
                DomainError(.methodNotAllowed, "This path does not take \(method.rawValue). Use \(names)."),
                wire: wire(path), requestID: id)
            reply.headers[.allow] = names
            return (reply, nil)
        case .nothing:
            let error = DomainError(.noRoute, "There is no such path here. Check its spelling and the base URL.")
            return (ErrorReply.reply(error, wire: wire(path), requestID: id), nil)
        }
    }

    /// The reply of a route. At the deadline the caller has a 503 already, and the connection has ended.
    private func inTime(
        _ route: Route, _ parameters: [String: String], _ request: Request, _ context: WebContext, _ id: String
    ) async -> Reply {
        let seconds = min(route.secondsMax, services.core.settings.deadlineSeconds)
        let channel = context.channel
        // What is long has a deadline of its own, and keeps its connection.
        let margin = route.streamsBody ? BodyStream.secondsMax : route.isLong ? Self.longMarginSeconds : 0
        let watch = background.watch(seconds: seconds + margin) {
            var late = ErrorReply.reply(
                BackgroundWork.late(requestID: id, seconds: seconds), wire: route.wire, requestID: id)
            if request.method == .head { late.body = ByteBuffer() }
            LateReply.send(late, requestID: id, on: channel)
        }
        let reply: Reply
        do {
            reply = try await perform(route, parameters, request, context, id)
        } catch {
            reply = failed(error, route, id)
        }
        guard !background.unwatch(watch) else { return reply }
        do {
            // Nothing may be written behind the late reply.
            try await channel.closeFuture.get()
        } catch {
            logger.debug("a late connection ended", metadata: ["error": "\(error)", "request_id": "\(id)"])
        }
        return Reply(status: .serviceUnavailable)
    }

    private func wire(_ path: String) -> Route.Wire {
        path.hasPrefix("/v2") || path.hasPrefix("/v1/") ? .okra : .native
    }

    private func failed(_ error: any Error, _ route: Route, _ id: String) -> Reply {
        if let known = ErrorReply.known(error) { return ErrorReply.reply(known, wire: route.wire, requestID: id) }
        // Only the type and the route: a description may hold what a customer sent, and a path the id of a session,
        // which is a right.
        logger.error(
            "unexpected error",
            metadata: ["path": "\(route.path)", "type": "\(type(of: error))", "request_id": "\(id)"])
        return ErrorReply.reply(ErrorReply.unexpected, wire: route.wire, requestID: id)
    }

    private func perform(
        _ route: Route, _ parameters: [String: String], _ request: Request, _ context: WebContext, _ id: String
    ) async throws -> Reply {
        let caller = try await authenticate(route, request.headers)
        if let caller {
            try limiter.take(caller.environment.id, at: services.core.runtime.now())
        } else {
            let address = ClientAddress.find(context.channel.remoteAddress, request.headers)
            try addressLimiter.take(address, path: route.path, at: services.core.runtime.now())
        }
        let body = route.streamsBody ? ByteBuffer() : try await body(of: request, route, context)
        var call = Call(
            shared: shared, route: route, requestID: id, parameters: parameters,
            query: request.uri.query.map { PercentCoding.form($0) ?? [:] } ?? [:], headers: request.headers, body: body,
            caller: caller)
        if route.streamsBody {
            call.stream = BodyStream(request.body, background: background, idleSeconds: settings.bodySeconds) {
                context.channel.close(promise: nil)
            }
            return try await onceStreamed(call)
        }
        let whole = call
        guard route.isLong else { return try await once(whole) }
        return try await background.perform(
            requestID: id, seconds: services.core.settings.deadlineSeconds
        ) { try await once(whole) }
    }

    private func authenticate(_ route: Route, _ headers: HTTPFields) async throws -> Principal? {
        let bearer = Call.bearer(headers)
        switch route.access {
        case .open: return nil
        case .linkSession where bearer == nil: return nil
        default: return try await services.keys.authenticate(bearer: bearer, route: route.kind)
        }
    }

    private func body(of request: Request, _ route: Route, _ context: WebContext) async throws -> ByteBuffer {
        guard route.method != .get else { return ByteBuffer() }
        let tooLarge = DomainError(
            .tooLarge, "The body is larger than \(settings.bodyBytesMax / 1024) KiB. Send less at once.")
        if let length = request.headers[.contentLength].flatMap(Int.init), length > settings.bodyBytesMax {
            throw tooLarge
        }
        let channel = context.channel
        let watch = background.watch(seconds: settings.bodySeconds) { channel.close(promise: nil) }
        defer { background.unwatch(watch) }
        do {
            return try await request.body.collect(upTo: settings.bodyBytesMax)
        } catch is NIOTooManyBytesError {
            throw tooLarge
        } catch {
            throw DomainError(.invalidJSON, "The body did not come whole. Send it again.")
        }
    }
}
