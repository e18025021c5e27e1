import Domain
import Engine
import HTTPTypes

/// Events that are sent again.
enum Replays {
    struct Create: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/replays", summary: "Sends events to an endpoint again.",
            example: "{\"event\":\"{event}\",\"endpoint\":\"{endpoint}\"}", commitsReply: true,
            members: [
                "event", "types", "connection", "status", "never_attempted", "from", "to", "endpoint", "delivery",
                "url",
            ])

        static func handle(_ call: Call) async throws -> Reply {
            let body = call.json
            var request = ReplayRequest()
            if let text = try body.text("event") {
                guard let event = LogID.event(text) else { throw DomainError.notFound("event") }
                request.event = event
            }
            request.types = try LogFilter.types(body.texts("types") ?? [])
            request.connection = LogQuery.connection(try body.text("connection"))
            request.states = try LogFilter.states(body.texts("status") ?? [])
            request.neverAttempted = try body.flag("never_attempted") ?? false
            request.from = try LogFilter.instant(body.text("from"), "from", isEnd: false)
            request.to = try LogFilter.instant(body.text("to"), "to", isEnd: true)
            let new = ReplayService.New(
                request, endpoint: try body.text("endpoint"), delivery: try body.text("delivery"),
                url: try body.text("url"))
            return reply(
                try await call.services.replays.create(
                    new, in: call.environment(), once: call.once { reply($0, status: .created) }), status: .created)
        }
    }

    struct List: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/replays", summary: "What was sent again, newest first.", query: .page())

        static func handle(_ call: Call) async throws -> Reply {
            let page = try NativePage(call.query)
            let found = try await call.services.replays.list(
                limit: page.limit, after: page.cursor, in: call.environment())
            return LogQuery.page(found.rows, next: found.next) { view, out in out.object { write(view, &$0) } }
        }
    }

    struct Get: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/replays/{replay}", summary: "One replay and how far it has come.")

        static func handle(_ call: Call) async throws -> Reply {
            reply(try await call.services.replays.find(call.parameter("replay"), in: call.environment()))
        }
    }

    struct Cancel: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/replays/{replay}/cancel", summary: "Ends a replay; what waits of it is not sent.",
            commitsReply: true)

        static func handle(_ call: Call) async throws -> Reply {
            reply(
                try await call.services.replays.cancel(
                    call.parameter("replay"), in: call.environment(), once: call.once { reply($0) }))
        }
    }

    private static func reply(_ view: ReplayView, status: HTTPResponse.Status = .ok) -> Reply {
        Reply.json(status: status) { out in out.object { write(view, &$0) } }
    }

    private static func write(_ view: ReplayView, _ out: inout JSONWriter) {
        out.member("id", view.id)
        out.member("status", view.state)
        out.object("request") { view.request.write(&$0) }
        out.member("endpoint", view.endpointID)
        out.member("url", view.url)
        out.member("looked_at", view.lookedAt)
        out.member("queued", view.queued)
        out.member("waiting", view.waiting)
        out.member("delivered", view.delivered)
        out.member("failed", view.failed)
        out.member("dropped", view.dropped)
        out.member("error", view.error)
        out.member("created_at", view.createdAt)
        out.member("ended_at", view.endedAt)
    }
}
