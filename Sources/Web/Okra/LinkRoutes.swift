import Domain
import Engine
import HTTPTypes

/// Short links on Okra's wire.
enum LinkRoutes {
    static let all: [OkraRoute] = [
        OkraRoute(
            .post, "links/new", "Makes a short link.",
            example: """
                {"name":"Loans","countries":["NG"],"billable_products":["auth","balance"],"color":"#3AB795",\
                "support_email":"help@shop.example"}
                """, commitsReply: true
        ) { call in
            let new = try link(call.body)
            @Sendable func reply(_ view: WidgetLinkView) -> Reply {
                OkraReply.reply("Link successfully created", status: .created) { out in
                    out.object("link") { write(view, call.kind, &$0) }
                }
            }
            return reply(
                try await call.call.services.shortLinks.create(
                    new, in: call.environment(), once: call.call.once { reply($0) }))
        }
    ]

    /// Okra names products by what is billed; every other member is an option of the widget.
    private static let own: Set<String> = [
        "name", "app_id", "billable_products", "countries", "support_email", "exp", "env", "owner", "project", "id",
    ]

    private static func link(_ body: OkraBody) throws -> NewWidgetLink {
        let name = try body.required("name")
        var options = (body.value.members ?? [:]).filter {
            !own.contains($0.key) && !$0.value.isNull && $0.value != .string("")
        }
        if let products = body.raw(["billable_products", "products"]) { options["products"] = products }
        options["name"] = .string(name)
        var new = NewWidgetLink(name: name, appID: try body.text("app_id"), options: .object(options))
        if let end = try body.text("exp") {
            guard let instant = Instant(iso: end) ?? LocalDate(end)?.adding(days: 1).start() else {
                throw DomainError(.invalidDate, "`exp` must be a date.", field: "exp")
            }
            new.expiresAt = instant
        }
        return new
    }

    private static func write(_ view: WidgetLinkView, _ kind: EnvironmentKind, _ out: inout JSONWriter) {
        out.member("_id", view.id)
        out.member("id", view.id)
        out.member("name", view.name)
        out.member("short_url", view.slug)
        out.member("surl", view.url)
        out.member("url", view.url)
        out.member("env", kind.okraName)
        out.member("billable_products", view.options["products"] ?? [])
        out.array("countries") { $0.string("NG") }
        out.member("color", view.options["color"] ?? .null)
        out.member("exp", view.expiresAt)
        out.member("created_at", view.createdAt)
    }
}
