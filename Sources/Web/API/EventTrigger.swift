import Domain
import Engine
import HTTPTypes

/// Fires an example of an event, in the sandbox.
enum EventTrigger {
    struct Fire: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/events/trigger", summary: "Fires an example of an event, in the sandbox.",
            example: "{\"event\":\"balance.success\",\"record\":\"{record}\"}", commitsReply: true,
            members: ["event", "record"])

        static func handle(_ call: Call) async throws -> Reply {
            let body = call.json
            let record = try body.text("record").flatMap { $0.isEmpty ? nil : OkraBody.id($0) }
            return reply(
                try await call.services.triggers.fire(
                    try body.required("event"), record: record, in: call.environment(),
                    once: call.once { reply($0) }))
        }

        private static func reply(_ fired: FiredEvent) -> Reply {
            Reply.json(status: .accepted) { out in
                out.object { out in
                    out.member("event_id", EventID.text(fired.id))
                    out.member("event", fired.type)
                    out.member("record", fired.record)
                    out.member("example", true)
                }
            }
        }
    }
}
