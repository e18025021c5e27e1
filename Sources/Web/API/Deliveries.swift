import Domain
import Engine
import HTTPTypes

/// Events on their way to endpoints.
enum Deliveries {
    struct List: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/deliveries", summary: "Where events stand with endpoints, newest first.",
            example: "{\"connection\":\"{record}\",\"types\":\"transaction.*\",\"status\":\"delivered,failed\"}",
            query: .page(
                "event", "types", "connection", "endpoint", "status", "from", "to"))

        static func handle(_ call: Call) async throws -> Reply {
            let page = try NativePage(call.query)
            let found = try await call.services.deliveries.deliveries(
                LogQuery.filter(call.query), cursor: page.cursor, limit: page.limit, in: call.environment())
            return LogQuery.page(found.rows, next: found.next) { view, out in
                out.object { write(view, hasAttempts: false, &$0) }
            }
        }
    }

    struct Get: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/deliveries/{delivery}", summary: "One delivery with its attempts.")

        static func handle(_ call: Call) async throws -> Reply {
            let view = try await call.services.deliveries.delivery(call.parameter("delivery"), in: call.environment())
            return Reply.json { out in out.object { write(view, hasAttempts: true, &$0) } }
        }
    }

    struct Export: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/deliveries/export",
            summary: "Every delivery with its attempts, one JSON object a line.",
            example: "{\"connection\":\"{record}\"}",
            query: ["event", "types", "connection", "endpoint", "status", "from", "to"])

        static func handle(_ call: Call) async throws -> Reply {
            let environment = try call.environment()
            let filter = try LogQuery.filter(call.query)
            let service = call.services.deliveries
            var reply = Reply(contentType: "application/x-ndjson")
            reply.stream = { write in
                try await service.export(filter, in: environment) { views in
                    try await write(views.flatMap { Array(DeliveryLine.bytes($0)) })
                }
            }
            return reply
        }
    }

    fileprivate static func write(_ view: DeliveryView, hasAttempts: Bool, _ out: inout JSONWriter) {
        DeliveryLine.members(view, &out)
        guard hasAttempts else {
            guard let last = view.attempts.last else { return out.null("last_attempt") }
            return out.object("last_attempt") { DeliveryLine.attempt(last, &$0) }
        }
        out.array("attempts") { out in
            for one in view.attempts { out.object { DeliveryLine.attempt(one, &$0) } }
        }
    }
}

/// Requests to endpoints, each with what came back.
enum Attempts {
    private static let outcomes: Set<String> = ["delivered", "retry", "dead", "quarantined"]

    struct List: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/attempts", summary: "Requests to endpoints, newest first.",
            example: "{\"connection\":\"{record}\",\"outcome\":\"delivered,retry\"}",
            query: .page(
                "event", "types", "connection", "endpoint", "outcome", "from", "to"))

        static func handle(_ call: Call) async throws -> Reply {
            let page = try NativePage(call.query)
            let asked = Set(LogQuery.names(call.query["outcome"]))
            if let wrong = asked.subtracting(outcomes).min() {
                throw DomainError.invalid(
                    "outcome", "has `\(wrong.prefix(40))`. Known: \(outcomes.sorted().joined(separator: ", ")).")
            }
            let found = try await call.services.deliveries.attempts(
                LogQuery.filter(call.query), outcomes: asked, cursor: page.cursor, limit: page.limit,
                in: call.environment())
            return LogQuery.page(found.rows, next: found.next) { view, out in out.object { write(view, &$0) } }
        }
    }

    struct Get: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/attempts/{attempt}", summary: "One request as it was sent, and what came back.")

        static func handle(_ call: Call) async throws -> Reply {
            let view = try await call.services.deliveries.attempt(call.parameter("attempt"), in: call.environment())
            return Reply.json { out in
                out.object { out in
                    write(view.attempt, &out)
                    out.object("request") { request(view, &$0) }
                    out.object("response") { out in
                        out.member("status", view.attempt.status.map(Int64.init))
                        out.member("body", String(decoding: view.response, as: UTF8.self))
                    }
                }
            }
        }

        private static func request(_ view: AttemptDetailView, _ out: inout JSONWriter) {
            out.member("method", "POST")
            out.member("url", view.url)
            out.array("headers") { out in
                for header in view.headers {
                    out.object { out in
                        out.member("name", header.name)
                        out.member("value", header.value)
                    }
                }
            }
            out.key("body")
            if let body = view.body { out.raw(body) } else { out.null() }
        }
    }

    fileprivate static func write(_ view: AttemptLogView, _ out: inout JSONWriter) {
        DeliveryLine.attempt(view, &out)
        out.member("delivery", view.deliveryID)
        out.member("event", view.eventID)
        out.member("type", view.type)
        out.member("connection", view.connectionID)
        out.member("endpoint", view.endpointID)
        out.member("payload", view.isComplete ? "complete" : "thin")
        out.member("replay", view.replayID)
    }
}

/// What a request asks of the log.
enum LogQuery {
    static func names(_ text: String?) -> [String] {
        (text ?? "").split(separator: ",").map { String($0).trimmed }.filter { !$0.isEmpty }
    }

    static func filter(_ query: [String: String]) throws -> LogFilter {
        var filter = LogFilter()
        if let text = query["event"], !text.isEmpty {
            // One that is no id finds nothing, exactly as an unknown one.
            filter.event = LogID.event(text) ?? -1
        }
        filter.types = try LogFilter.types(names(query["types"]))
        filter.connection = connection(query["connection"])
        filter.endpoint = query["endpoint"].flatMap { $0.isEmpty ? nil : OkraBody.id($0) }
        filter.states = try LogFilter.states(names(query["status"]))
        filter.from = try LogFilter.instant(query["from"], "from", isEnd: false)
        filter.to = try LogFilter.instant(query["to"], "to", isEnd: true)
        try LogFilter.check(from: filter.from, to: filter.to)
        return filter
    }

    /// A record's id as it is kept; empty for `none`.
    static func connection(_ text: String?) -> String? {
        guard let text, !text.isEmpty else { return nil }
        return text == LogFilter.none ? "" : OkraBody.id(text)
    }

    static func page<View>(
        _ rows: [View], next: String?, _ write: (View, inout JSONWriter) -> Void
    ) -> Reply {
        Reply.json { out in
            out.object { out in
                out.array("data") { out in for row in rows { write(row, &out) } }
                out.member("has_more", next != nil)
                out.member("next_cursor", next)
            }
        }
    }
}
