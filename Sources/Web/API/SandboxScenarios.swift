import Domain
import Engine
import HTTPTypes

/// How the sandbox bank behaves, as a customer writes it.
enum SandboxScenarios {
    struct Set: Endpoint {
        static let route = EndpointRoute(
            method: .put, path: "/sandbox/scenarios/{scenario}",
            summary: "Lets the sandbox bank play a script for a username, or for an institution.",
            example: """
                {"about":"Down at night.","rules":[{"daily":"01:00-04:00","error":"unavailable"}]}
                """, commitsReply: true, members: .any)

        static func handle(_ call: Call) async throws -> Reply {
            let body = call.json
            return reply(
                try await call.services.sandbox.setScenario(
                    call.parameter("scenario"), .object(body.members), in: call.environment(),
                    once: call.once { reply($0) }))
        }
    }

    struct Get: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/sandbox/scenarios/{scenario}",
            summary: "A script, also one of those that every sandbox has.")

        static func handle(_ call: Call) async throws -> Reply {
            reply(try await call.services.sandbox.scenario(call.parameter("scenario"), in: call.environment()))
        }
    }

    struct List: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/sandbox/scenarios", summary: "The environment's own scripts, by name.", query: .page()
        )

        static func handle(_ call: Call) async throws -> Reply {
            let page = try NativePage(call.query)
            let (scenarios, next) = try await call.services.sandbox.scenarios(
                after: page.cursor, limit: page.limit, in: call.environment())
            var out = JSONWriter()
            for scenario in scenarios { write(scenario, &out) }
            return NativePage.reply(out.bytes, next: next)
        }
    }

    struct Remove: Endpoint {
        static let route = EndpointRoute(
            method: .delete, path: "/sandbox/scenarios/{scenario}",
            summary: "Takes a script away; logins of that name are what they were without it.", commitsReply: true)

        static func handle(_ call: Call) async throws -> Reply {
            try await call.services.sandbox.removeScenario(
                call.parameter("scenario"), in: call.environment(), once: call.onceDone())
            return .noContent
        }
    }

    private static func reply(_ scenario: SandboxNamedScenario) -> Reply {
        Reply.json { out in write(scenario, &out) }
    }

    private static func write(_ scenario: SandboxNamedScenario, _ out: inout JSONWriter) {
        out.object { out in
            out.member("name", scenario.name)
            out.raw("scenario", scenario.script)
            out.member("created_at", scenario.createdAt.ms == 0 ? nil : scenario.createdAt)
        }
    }
}
