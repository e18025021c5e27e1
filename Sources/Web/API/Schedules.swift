import Domain
import Engine
import HTTPTypes

/// How often connections are refreshed by themselves.
enum Schedules {
    struct Get: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/connections/{record}/refresh", summary: "How often a connection is refreshed.")

        static func handle(_ call: Call) async throws -> Reply {
            reply(
                try await call.services.schedules.view(OkraBody.id(call.parameter("record")), in: call.environment()))
        }
    }

    struct Put: Endpoint {
        static let route = EndpointRoute(
            method: .put, path: "/connections/{record}/refresh",
            summary: "Changes how often a connection is refreshed, or pauses it.",
            example: "{\"balance\":\"one_hour\",\"transactions\":\"daily\",\"paused\":false}", commitsReply: true,
            members: .any)

        static func handle(_ call: Call) async throws -> Reply {
            let change = try RefreshChange(members: call.json.members)
            return reply(
                try await call.services.schedules.change(
                    OkraBody.id(call.parameter("record")), change, in: call.environment(),
                    once: call.once { reply($0) }))
        }
    }

    private static func reply(_ view: ScheduleView) -> Reply {
        Reply.json { out in
            out.object { out in
                out.member("connection", view.connectionID)
                out.member("status", view.status)
                out.member("phase", view.phase.rawValue)
                out.member("paused", view.pausedAt != nil)
                out.member("paused_at", view.pausedAt)
                out.member("next_refresh_at", view.nextAt)
                out.object("balance") { part(view.balance, &$0) }
                out.object("transactions") { part(view.transactions, &$0) }
            }
        }
    }

    private static func part(_ part: ScheduleView.Part, _ out: inout JSONWriter) {
        out.member("interval", part.interval?.rawValue)
        out.member("interval_seconds", part.interval.map { $0.ms / 1000 })
        out.member("effective_seconds", part.effective?.seconds)
        out.member("reason", part.effective?.reason?.rawValue)
        out.member("next_refresh_at", part.nextAt)
    }
}

/// Widget apps, as far as they decide on refreshes.
enum Apps {
    struct List: Endpoint {
        static let route = EndpointRoute(method: .get, path: "/apps", summary: "Widget apps.")

        static func handle(_ call: Call) async throws -> Reply {
            let apps = try await call.services.schedules.apps(in: call.environment())
            return Reply.json { out in
                out.object { out in
                    out.array("data") { out in for app in apps { write(app, &out) } }
                    out.member("has_more", false)
                    out.null("next_cursor")
                }
            }
        }
    }

    struct SetRefresh: Endpoint {
        static let route = EndpointRoute(
            method: .put, path: "/apps/{app}/refresh", summary: "How often what an app links is refreshed.",
            example: "{\"refresh\":{\"interval\":\"one_hour\"}}", commitsReply: true, members: ["refresh"])

        static func handle(_ call: Call) async throws -> Reply {
            guard let option = call.json.value("refresh") else {
                throw DomainError.missing("refresh")
            }
            return reply(
                try await call.services.schedules.setApp(
                    call.parameter("app"), refresh: option, in: call.environment(), once: call.once { reply($0) }))
        }

        private static func reply(_ app: AppView) -> Reply { Reply.json { write(app, &$0) } }
    }

    private static func write(_ app: AppView, _ out: inout JSONWriter) {
        out.object { out in
            out.member("id", app.id)
            out.member("name", app.name)
            out.member("is_default", app.isDefault)
            out.array("products") { out in for name in app.products { out.string(name) } }
            out.raw("refresh", app.refresh)
        }
    }
}
