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
                """, commitsReply: true)

        static func handle(_ call: Call) async throws -> Reply {
            let body = try NativeBody(call.bytes)
            let (view, secret) = try await call.services.endpoints.create(
                in: call.environment(), url: body.required("url"), payloadName: body.text("payload") ?? "thin",
                eventTypes: body.texts("event_types") ?? [], token: body.text("token"),
                once: call.once { made in reply(made.view, made.secret) })
            return reply(view, secret)
        }

        private static func reply(_ view: EndpointView, _ secret: String) -> Reply {
            Reply.json(status: .created) { out in write(view, secret: secret, &out) }
        }
    }

    struct List: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/webhook_endpoints", summary: "The environment's endpoint and the added ones.")

        static func handle(_ call: Call) async throws -> Reply {
            let views = try await call.services.endpoints.views(in: call.environment())
            return Reply.json { out in
                out.object { out in
                    out.array("data") { out in for view in views { write(view, secret: nil, &out) } }
                    out.member("has_more", false)
                    out.null("next_cursor")
                }
            }
        }
    }

    struct Remove: Endpoint {
        static let route = EndpointRoute(
            method: .delete, path: "/webhook_endpoints/{endpoint}", summary: "Removes an added endpoint.")

        static func handle(_ call: Call) async throws -> Reply {
            try await call.services.endpoints.remove(call.parameter("endpoint"), in: call.environment())
            return .noContent
        }
    }

    private static func write(_ view: EndpointView, secret: String?, _ out: inout JSONWriter) {
        out.object { out in
            out.member("id", view.id)
            out.member("url", view.url)
            out.member("source", view.source)
            out.member("payload", view.payload)
            out.array("event_types") { out in for type in view.eventTypes { out.string(type) } }
            out.member("status", view.status)
            out.member("created_at", view.createdAt)
            if let secret { out.member("secret", secret) }
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
                out.member("outcome", row.outcome)
            }
        }
    }
}
