import HTTPTypes

/// The page that a bank's own page sends people back to. It does nothing by being opened: its script brings the answer,
/// so that a preview or a browser that loads ahead spends no code.
enum ReturnPage {
    private static let js = LinkFile(.js, LinkAssets.returnJS)
    private static let jsPath = "/assets/return.\(js.hash).js"
    private static let html = LinkFile(
        .html,
        LinkAssets.returnHTML.replacing("{{css}}", with: LinkPage.cssPath).replacing("{{return}}", with: jsPath))

    static let routes: [Route] = [
        Route(
            .get, "/link/return/{reference}", wire: .plain, access: .open,
            summary: "Where a bank's own page sends people back to.", example: "{}"
        ) { call in
            var reply = html.reply(to: call.headers, cacheControl: "no-store")
            reply.headers[.contentSecurityPolicy] = [
                "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src data:",
                "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
            ].joined(separator: "; ")
            // The address holds the bank's answer.
            reply.headers[.referrerPolicy] = "no-referrer"
            return reply
        },
        Route(.get, jsPath, wire: .plain, access: .open, summary: "Its script.", example: "{}") { call in
            js.reply(to: call.headers, cacheControl: "public, max-age=31536000, immutable")
        },
    ]
}
