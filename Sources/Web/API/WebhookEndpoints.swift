import Domain
import Engine
import HTTPTypes

/// Where events are sent.
enum WebhookEndpoints {
    struct Create: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/webhook_endpoints", summary: "Adds an endpoint; its secret is told once.",
            example: """
                {"url":"https://example.com/hook","payload":"complete","event_types":["transaction.*"],"token":"abc"}
                """, commitsReply: true, members: .any)

        static func handle(_ call: Call) async throws -> Reply {
            let body = call.json
            let change = try EndpointChange(json: body.members, beside: ["connection"])
            return try await create(call, change, record: body.text("connection"))
        }
    }

    struct CreateOfConnection: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/connections/{record}/webhook_endpoints",
            summary: "Adds an endpoint that gets the events of one record alone.",
            example: "{\"url\":\"https://example.com/record\"}", commitsReply: true, members: .any)

        static func handle(_ call: Call) async throws -> Reply {
            let body = call.json
            guard body.value("connection") == nil else {
                throw DomainError.invalid("connection", "is in the path here. Leave it out.")
            }
            let change = try EndpointChange(json: body.members, beside: ["connection"])
            return try await create(call, change, record: call.parameter("record"))
        }
    }

    private static func create(_ call: Call, _ change: EndpointChange, record: String?) async throws -> Reply {
        reply(
            try await call.services.endpoints.create(
                change, record: record, in: call.environment(), once: call.once { reply($0, .created) }), .created)
    }

    struct List: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/webhook_endpoints",
            summary: "The environment's endpoint and the added ones, or those of one record.",
            example: "{\"connection\":\"{record}\",\"limit\":\"20\"}", query: .page("connection"))

        static func handle(_ call: Call) async throws -> Reply {
            let page = try NativePage(call.query)
            let record = call.query["connection"].flatMap { $0.isEmpty ? nil : OkraBody.id($0) }
            let found = try await call.services.endpoints.page(
                in: call.environment(), record: record, after: page.cursor, limit: page.limit)
            return Reply.json { out in
                out.object { out in
                    out.array("data") { out in for view in found.endpoints { write(view, &out) } }
                    out.member("has_more", found.next != nil)
                    out.member("next_cursor", found.next)
                }
            }
        }
    }

    struct Get: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/webhook_endpoints/{endpoint}", summary: "One endpoint, one that a link named too.")

        static func handle(_ call: Call) async throws -> Reply {
            reply(try await call.services.endpoints.get(call.parameter("endpoint"), in: call.environment()))
        }
    }

    struct Update: Endpoint {
        static let route = EndpointRoute(
            method: .patch, path: "/webhook_endpoints/{endpoint}", summary: "Changes the members that are sent.",
            example: "{\"event_types\":[\"balance.*\"],\"rate_per_second\":50}", commitsReply: true, members: .any)

        static func handle(_ call: Call) async throws -> Reply {
            let change = try EndpointChange(json: call.json.members)
            return reply(
                try await call.services.endpoints.update(
                    call.parameter("endpoint"), change, in: call.environment(), once: call.once { reply($0) }))
        }
    }

    struct Remove: Endpoint {
        static let route = EndpointRoute(
            method: .delete, path: "/webhook_endpoints/{endpoint}", summary: "Removes an added endpoint.",
            commitsReply: true)

        static func handle(_ call: Call) async throws -> Reply {
            try await call.services.endpoints.remove(
                call.parameter("endpoint"), in: call.environment(), once: call.onceDone())
            return .noContent
        }
    }

    static func reply(_ view: EndpointView, _ status: HTTPResponse.Status = .ok) -> Reply {
        Reply.json(status: status) { out in write(view, &out) }
    }

    private static func write(_ view: EndpointView, _ out: inout JSONWriter) {
        let endpoint = view.endpoint
        out.object { out in
            out.member("id", endpoint.id)
            out.member("url", endpoint.url)
            out.member("description", endpoint.description)
            out.member("source", endpoint.source.rawValue)
            out.member("connection", endpoint.connectionID)
            out.member("status", endpoint.status.rawValue)
            out.member("status_reason", endpoint.statusReason.isEmpty ? nil : endpoint.statusReason)
            out.member("status_since", endpoint.statusSince)
            what(endpoint, &out)
            how(endpoint, &out)
            out.member("created_at", endpoint.createdAt)
            health(view.health, &out)
            if let secret = view.secret { out.member("secret", secret) }
            if let publicKey = view.publicKey { out.member("public_key", publicKey) }
        }
    }

    private static func health(_ health: EndpointHealth?, _ out: inout JSONWriter) {
        guard let health else { return out.null("health") }
        out.object("health") { out in
            out.member("failing_since", health.failingSince)
            out.member("failures", health.failures)
            out.member("last_success_at", health.lastSuccessAt)
            out.member("last_failure_at", health.lastFailureAt)
            out.member("last_status", health.lastStatus.map(Int64.init))
            out.member("last_error", health.lastError)
        }
    }

    private static func what(_ endpoint: WebhookEndpoint, _ out: inout JSONWriter) {
        out.array("event_types") { out in for type in endpoint.eventTypes { out.string(type) } }
        out.member("payload", endpoint.payload.rawValue)
        out.array("payloads") { out in
            for rule in endpoint.payloads {
                out.object { out in
                    out.member("event_type", rule.pattern)
                    out.member("payload", rule.payload.rawValue)
                }
            }
        }
        out.member("splits_transactions", endpoint.splitsTransactions)
    }

    private static func how(_ endpoint: WebhookEndpoint, _ out: inout JSONWriter) {
        out.array("signatures") { out in for kind in endpoint.signatures.map(\.rawValue).sorted() { out.string(kind) } }
        out.member("has_token", endpoint.hasToken)
        out.array("header_names") { out in for name in endpoint.headerNames { out.string(name) } }
        out.member("authorities", endpoint.authorities)
        out.member("rate_per_second", endpoint.ratePerSecond.map(Int64.init))
        out.member("in_flight_max", endpoint.inFlightMax.map(Int64.init))
        out.member("ordering", endpoint.ordering.rawValue)
        out.array("retry_seconds") { out in for seconds in endpoint.retrySeconds { out.value(.integer(Int64(seconds))) }
        }
    }
}

/// What was sent and what came back.
enum Events {
    struct Attempts: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/events/{event}/attempts", summary: "The attempts to send an event, oldest first.")

        static func handle(_ call: Call) async throws -> Reply {
            guard let id = EventID.parse(call.parameter("event")),
                let rows = try await call.services.reads.attempts(event: id, in: call.environment())
            else { throw DomainError.notFound("event") }
            return Reply.json { out in
                out.object { out in
                    out.array("data") { out in for row in rows { write(row, &out) } }
                    out.member("has_more", false)
                    out.null("next_cursor")
                }
            }
        }

        private static func write(_ row: AttemptView, _ out: inout JSONWriter) {
            out.object { out in
                out.member("webhook_endpoint", row.endpointID)
                out.member("number", row.number)
                out.member("at", row.at)
                out.member("duration_ms", row.durationMs)
                out.member("status", row.status.map(Int64.init))
                out.member("error", row.error)
                out.member("error_class", row.errorClass)
                out.member("outcome", row.outcome)
            }
        }
    }
}
