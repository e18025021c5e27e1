import Domain
import Engine
import HTTPTypes
import NIOCore

/// Texts of the page's files; `scripts/embed-page` writes them.
enum LinkAssets {}

/// The page that links an account, the loader that puts it into a customer's page, and their files.
enum LinkPage {
    static let css = LinkFile(.css, LinkAssets.css)
    static let js = LinkFile(.js, LinkAssets.js)
    static let bundle = LinkFile(.js, LinkAssets.bundle)
    /// Screens that few people need; fetched when a step asks for one.
    static let more = LinkFile(.js, LinkAssets.more)
    static let cssPath = "/assets/link.\(css.hash).css"
    static let jsPath = "/assets/link.\(js.hash).js"
    static let morePath = "/assets/more.\(more.hash).js"
    static let html = LinkFile(
        .html,
        LinkAssets.html.replacing("{{css}}", with: cssPath).replacing("{{js}}", with: jsPath)
            .replacing("{{more}}", with: morePath))

    private static let forever = "public, max-age=31536000, immutable"
    private static let anewEachTime = "no-cache"
    /// Customers' pages name the loader without a version: a new one must reach them soon.
    private static let minutes = "public, max-age=300"

    static let routes: [Route] = [
        route("/", "The page that links an account.") { call in
            let ancestors = try await call.services.widgets.frameAncestors(publicKey: call.query["key"])
            return page(call, ancestors)
        },
        route("/{link}", "The same page for a short link.") { call in
            guard let ancestors = try await call.services.widgets.frameAncestors(slug: call.parameter("link")) else {
                return page(call, .anyone, status: .notFound)
            }
            return page(call, ancestors)
        },
        route("/v2/bundle.js", "The loader.") { call in
            var reply = bundle.reply(to: call.headers, cacheControl: minutes)
            reply.headers[.resourcePolicy] = "cross-origin"
            reply.headers[.accessControlAllowOrigin] = "*"
            return reply
        },
        route(cssPath, "The page's style.") { css.reply(to: $0.headers, cacheControl: forever) },
        route(jsPath, "The page's script.") { js.reply(to: $0.headers, cacheControl: forever) },
        route(morePath, "The page's script for rare steps.") { more.reply(to: $0.headers, cacheControl: forever) },
    ]

    private static func route(
        _ path: String, _ summary: String, _ handle: @escaping @Sendable (Call) async throws -> Reply
    ) -> Route {
        Route(.get, path, wire: .plain, access: .open, summary: summary, example: "{}", handle: handle)
    }

    private static func page(_ call: Call, _ ancestors: FrameAncestors, status: HTTPResponse.Status = .ok) -> Reply {
        var reply = html.reply(to: call.headers, status: status, cacheControl: anewEachTime)
        reply.headers[.contentSecurityPolicy] = policy(ancestors)
        reply.headers[.referrerPolicy] = "no-referrer"
        reply.headers[.permissionsPolicy] =
            "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), "
            + "payment=(), usb=()"
        return reply
    }

    /// Nothing comes from elsewhere but a customer's logo, and nothing runs that is not the page's own file.
    private static func policy(_ ancestors: FrameAncestors) -> String {
        [
            "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'",
            "img-src 'self' https: data:", "font-src 'none'", "base-uri 'none'", "form-action 'none'",
            "frame-ancestors \(sources(ancestors))",
        ].joined(separator: "; ")
    }

    private static func sources(_ ancestors: FrameAncestors) -> String {
        switch ancestors {
        case .anyone: return "*"
        case .origins(let origins): return origins.isEmpty ? "'none'" : origins.joined(separator: " ")
        }
    }
}
