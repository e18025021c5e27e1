import Domain
import Engine
import HTTPTypes

/// URLs that open the widget without keys in a page.
enum Links {
    struct Create: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/links", summary: "Makes a short link.",
            example: """
                {"name":"Loan application","products":["auth","balance"],"redirect_url":"https://shop.example/back",\
                "expires_at":"2099-12-31T00:00:00.000Z","single_use":false}
                """, commitsReply: true, members: .any)

        /// Members that are the link's own; all others are options of the widget.
        private static let own: Set<String> = ["name", "app_id", "expires_at", "single_use", "options", "client_name"]

        static func handle(_ call: Call) async throws -> Reply {
            let body = call.json
            var options = body.members.filter { !own.contains($0.key) && !$0.value.isNull }
            if let metadata = body.value("options") { options["options"] = metadata }
            // `name` names the link; what the page shows is the option of that name.
            if let shown = try body.text("client_name") { options["name"] = .string(shown) }
            var new = NewWidgetLink(name: try body.required("name"), options: .object(options))
            new.appID = try body.text("app_id")
            new.isSingleUse = try body.flag("single_use") ?? false
            new.expiresAt = try body.text("expires_at").map { text in
                guard let instant = Instant(iso: text) else {
                    throw DomainError(.invalidDate, "`expires_at` must be an instant.", field: "expires_at")
                }
                return instant
            }
            return reply(
                try await call.services.shortLinks.create(
                    new, in: call.environment(), once: call.once { reply($0) }))
        }
    }

    struct List: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/links", summary: "Short links, newest first.", query: .page())

        static func handle(_ call: Call) async throws -> Reply {
            let page = try NativePage(call.query)
            let (views, next) = try await call.services.shortLinks.list(
                limit: page.limit, after: page.cursor, in: call.environment())
            return Reply.json { out in
                out.object { out in
                    out.array("data") { out in for view in views { write(view, &out) } }
                    out.member("has_more", next != nil)
                    out.member("next_cursor", next)
                }
            }
        }
    }

    struct Remove: Endpoint {
        static let route = EndpointRoute(
            method: .delete, path: "/links/{link}", summary: "Removes a short link; what was linked by it stays.",
            commitsReply: true)

        static func handle(_ call: Call) async throws -> Reply {
            try await call.services.shortLinks.remove(
                call.parameter("link"), in: call.environment(), once: call.onceDone())
            return .noContent
        }
    }

    struct CreateReauth: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/connections/{record}/reauth_link",
            summary: "Makes a link by which the person logs in at the bank of a connection again.",
            commitsReply: true)

        static func handle(_ call: Call) async throws -> Reply {
            reply(
                try await call.services.shortLinks.createReauth(
                    connection: call.parameter("record"), in: call.environment(), once: call.once { reply($0) }))
        }
    }

    private static func reply(_ view: WidgetLinkView) -> Reply {
        Reply.json(status: .created) { out in write(view, &out) }
    }

    private static func write(_ view: WidgetLinkView, _ out: inout JSONWriter) {
        out.object { out in
            out.member("id", view.id)
            out.member("name", view.name)
            out.member("slug", view.slug)
            out.member("short_url", view.url)
            out.member("url", view.url)
            out.member("app_id", view.appID)
            out.member("connection", view.connectionID)
            out.member("options", view.options)
            out.member("single_use", view.isSingleUse)
            out.member("sessions", view.sessions)
            out.member("expires_at", view.expiresAt)
            out.member("used_at", view.usedAt)
            out.member("created_at", view.createdAt)
        }
    }
}
