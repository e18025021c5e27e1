import Domain
import Engine
import HTTPTypes
import NIOCore

/// What the link page calls, from its own origin and without a bearer: keys or a link are in the options.
enum Widget {
    private static let example = """
        {"options":{"token":"{client_token}","key":"{public_key}","env":"production-sandbox",\
        "products":["auth","balance","transactions"]},"origin":"https://shop.example","mode":"iframe"}
        """

    struct Open: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/widget/open", summary: "Checks who opens the page and says what it shows.",
            example: example, access: .open)

        static func handle(_ call: Call) async throws -> Reply {
            let view = try await call.services.widgets.open(opening(call.json))
            return Reply.json { out in out.object { WidgetForm.write(view, &$0) } }
        }
    }

    struct Institutions: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/widget/institutions", summary: "The banks that can be linked, the best known first.",
            example: "{\"env\":\"sandbox\"}", access: .open)

        static func handle(_ call: Call) async throws -> Reply {
            let kind = try kind(call.query["env"] ?? "sandbox")
            let institutions = await call.services.widgets.institutions(kind)
            var reply = Reply.json { out in
                out.object { out in
                    out.array("data") { out in for row in institutions { WidgetForm.write(row, &out) } }
                }
            }
            reply.headers[.cacheControl] = "public, max-age=300"
            reply.headers[.vary] = "Accept-Encoding"
            if Gzip.isAccepted(call.headers), reply.body.readableBytes >= Gzip.bytesMin,
                let packed = Gzip.compress(Array(reply.body.readableBytesView))
            {
                reply.body = ByteBuffer(bytes: packed)
                reply.headers[.contentEncoding] = "gzip"
            }
            return reply
        }

        private static func kind(_ name: String) throws -> EnvironmentKind {
            switch name {
            case "sandbox", "production-sandbox": return .sandbox
            case "production": return .production
            default: throw DomainError.invalid("env", "must be sandbox or production.")
            }
        }
    }

    struct Begin: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/widget/sessions", summary: "Begins to link at the bank that the person chose.",
            example: String(example.dropLast()) + ",\"institution\":\"access-bank\",\"login_type\":\"ind\"}",
            access: .open, isLong: true)

        static func handle(_ call: Call) async throws -> Reply {
            let body = call.json
            let view = try await call.services.widgets.begin(
                opening(body), institution: body.text("institution") ?? "", loginType: body.text("login_type"))
            return LinkSessions.reply(view, status: .created)
        }
    }

    struct Result: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/widget/sessions/{session}/result",
            summary: "What the page tells in the end, and where it sends the person.", access: .open)

        static func handle(_ call: Call) async throws -> Reply {
            let result = try await call.services.widgets.result(sessionID: call.parameter("session"))
            return Reply.json { out in out.object { WidgetForm.write(result, &$0) } }
        }
    }

    /// What the page at `/link/return/{reference}` brings.
    struct Return: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/widget/returns", summary: "Brings a link what the bank's own page gave the browser.",
            example: "{\"reference\":\"5f3c…\",\"fields\":{\"code\":\"code_…\"}}", access: .open, isLong: true)

        static func handle(_ call: Call) async throws -> Reply {
            let body = call.json
            guard let reference = try body.text("reference"), !reference.isEmpty else {
                throw DomainError.missing("reference")
            }
            var fields: [String: String] = [:]
            for (name, value) in body.value("fields")?.members ?? [:] {
                guard let text = value.text else { throw DomainError.invalid("fields", "must be an object of texts.") }
                fields[name] = text
            }
            let found = try await call.services.links.comeBack(reference, fields: fields)
            return Reply.json { out in out.object { WidgetForm.write(found, &$0) } }
        }
    }

    private static func opening(_ body: NativeBody) throws -> WidgetOpening {
        try WidgetOpening(
            options: body.value("options"), ref: body.text("ref"), origin: body.text("origin"), mode: body.text("mode"))
    }
}
