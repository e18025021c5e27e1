import Domain
import Engine
import HTTPTypes

/// What an endpoint is told to do.
enum WebhookSwitches {
    struct Pause: Endpoint {
        static let route = WebhookSwitches.route("pause", "Keeps what is for an endpoint until it is resumed.")
        static func handle(_ call: Call) async throws -> Reply { try await turn(call, .pause) }
    }

    struct Resume: Endpoint {
        static let route = WebhookSwitches.route("resume", "Sends what waited for a paused endpoint, and what comes.")
        static func handle(_ call: Call) async throws -> Reply { try await turn(call, .resume) }
    }

    struct Disable: Endpoint {
        static let route = WebhookSwitches.route("disable", "Sends an endpoint nothing more; events are kept.")
        static func handle(_ call: Call) async throws -> Reply { try await turn(call, .disable) }
    }

    struct Enable: Endpoint {
        static let route = WebhookSwitches.route("enable", "Sends to a disabled endpoint again.")
        static func handle(_ call: Call) async throws -> Reply { try await turn(call, .enable) }
    }

    private static func route(_ name: String, _ summary: String) -> EndpointRoute {
        EndpointRoute(
            method: .post, path: "/webhook_endpoints/{endpoint}/\(name)", summary: summary, commitsReply: true)
    }

    private static func turn(_ call: Call, _ wish: WebhookEndpointService.Switch) async throws -> Reply {
        WebhookEndpoints.reply(
            try await call.services.endpoints.turn(
                call.parameter("endpoint"), wish, in: call.environment(),
                once: call.once { WebhookEndpoints.reply($0) }))
    }

    struct Test: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/webhook_endpoints/{endpoint}/test",
            summary: "Sends `webhook_endpoint.test`, or another event's example, now and tells what came of it.",
            example: "{\"event\":\"balance.success\"}", isLong: true, commitsReply: true, members: ["event"])

        static func handle(_ call: Call) async throws -> Reply {
            reply(
                try await call.services.endpoints.test(
                    call.parameter("endpoint"), event: call.json.text("event"), in: call.environment(),
                    once: call.once { reply($0) }))
        }

        private static func reply(_ view: EndpointTestView) -> Reply {
            Reply.json(status: view.outcome == "waiting" ? .accepted : .ok) { out in
                out.object { out in
                    out.member("event_id", view.eventID)
                    out.member("outcome", view.outcome)
                    out.member("status", view.status.map(Int64.init))
                    out.member("error", view.error)
                    out.member("error_class", view.errorClass)
                    out.member("duration_ms", view.durationMs)
                }
            }
        }
    }
}

/// What signs.
enum WebhookSigning {
    struct Rotate: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/webhook_endpoints/{endpoint}/rotate",
            summary: "Makes a new signing key; those before it sign along until the overlap ends.",
            example: "{\"overlap_seconds\":86400,\"kind\":\"v1\"}", commitsReply: true,
            members: ["overlap_seconds", "kind"])

        static func handle(_ call: Call) async throws -> Reply {
            let body = call.json
            let kind = try body.text("kind").map { text in
                guard let kind = WebhookEndpoint.Signature(rawValue: text) else {
                    throw DomainError.invalid("kind", "must be `v1` (a shared secret) or `v1a` (a key pair).")
                }
                return kind
            }
            return reply(
                try await call.services.endpoints.rotate(
                    call.parameter("endpoint"), kind,
                    overlapSeconds: body.integer("overlap_seconds") ?? WebhookEndpointService.overlapSecondsDefault,
                    in: call.environment(), once: call.once { reply($0) }))
        }

        private static func reply(_ rotated: RotatedKey) -> Reply {
            Reply.json(status: .created) { out in
                out.object { out in
                    members(rotated.key, &out)
                    out.member("secret", rotated.secret)
                    out.member("overlap_ends_at", rotated.overlapEndsAt)
                }
            }
        }
    }

    struct List: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/webhook_endpoints/{endpoint}/keys",
            summary: "The keys that sign for an endpoint, without their secrets.")

        static func handle(_ call: Call) async throws -> Reply {
            reply(try await call.services.endpoints.keys(of: call.parameter("endpoint"), in: call.environment()))
        }
    }

    struct Public: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/webhook_keys",
            summary: "The public keys under which an endpoint's `v1a` signatures verify; for anyone, without a key.",
            example: "{\"endpoint\":\"{endpoint}\"}", access: .open, query: ["endpoint"])

        static func handle(_ call: Call) async throws -> Reply {
            guard let id = call.query["endpoint"], !id.isEmpty else { throw DomainError.missing("endpoint") }
            return reply(try await call.services.endpoints.publicKeys(of: id))
        }
    }

    private static func reply(_ keys: [WebhookKeyView]) -> Reply {
        Reply.json { out in
            out.object { out in
                out.array("data") { out in for key in keys { out.object { members(key, &$0) } } }
                out.member("has_more", false)
                out.null("next_cursor")
            }
        }
    }

    private static func members(_ key: WebhookKeyView, _ out: inout JSONWriter) {
        out.member("id", key.id)
        out.member("kind", key.kind.rawValue)
        out.member("public_key", key.publicKey)
        out.member("created_at", key.createdAt)
        out.member("expires_at", key.expiresAt)
    }
}
