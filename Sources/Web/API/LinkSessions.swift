import Domain
import Engine
import HTTPTypes

/// Links a bank account step by step.
///
/// A page opens a session with its client token and public key and no bearer; from then on the session's id, which
/// nobody can guess, is its right to answer.
enum LinkSessions {
    struct Create: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/link_sessions", summary: "Begins to link an account.",
            example: """
                {"institution":"access-bank","products":["auth","balance","transactions"],"refresh":true,\
                "callback_url":"https://example.com/hook","options":{"user":"42"}}
                """, access: .linkSession, isLong: true)

        static func handle(_ call: Call) async throws -> Reply {
            let body = try NativeBody(call.bytes)
            var request = BeginLink(institution: try body.required("institution"))
            request.clientToken = try body.text("client_token")
            request.publicKey = try body.text("public_key")
            request.appID = try body.text("app_id")
            request.products = try body.texts("products")
            request.refresh = body.value("refresh")
            request.callbackURL = try body.text("callback_url")
            request.redirectURL = try body.text("redirect_url")
            request.options = body.value("options")
            request.meta = body.value("meta")
            request.historyMonths = try body.integer("history_months").map { Int(clamping: $0) }
            request.customerID = try body.text("customer")
            request.loginType = try body.text("login_type")
            guard Call.bearer(call.headers) != nil else {
                return reply(try await call.services.links.begin(widget: request), status: .created)
            }
            let environment = try await environment(call)
            return reply(try await call.services.links.begin(request, in: environment), status: .created)
        }
    }

    struct Get: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/link_sessions/{session}", summary: "A session as it is now.", access: .linkSession,
            isLong: true)

        static func handle(_ call: Call) async throws -> Reply {
            let id = call.parameter("session")
            return reply(try await call.services.links.find(sessionID: id, in: environment(call).scope))
        }
    }

    struct Answer: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/link_sessions/{session}/answers", summary: "Answers the step of a session.",
            example: "{\"revision\":1,\"fields\":{\"username\":\"ada\",\"password\":\"secret\"},\"accounts\":[]}",
            access: .linkSession, isLong: true)

        static func handle(_ call: Call) async throws -> Reply {
            let body = try NativeBody(call.bytes)
            var answer = StepAnswer()
            answer.accounts = try body.texts("accounts") ?? []
            for (name, value) in try fields(body) {
                switch value {
                case .string(let text): answer.fields[name] = text
                case .integer(let number): answer.fields[name] = String(number)
                default: throw DomainError.invalid("fields.\(name.prefix(40))", "must be a text.")
                }
            }
            let view = try await call.services.links.answer(
                sessionID: call.parameter("session"), in: environment(call).scope, answer: answer,
                revision: body.integer("revision"))
            return reply(view)
        }

        private static func fields(_ body: NativeBody) throws -> [String: JSONValue] {
            guard let value = body.value("fields") else { return [:] }
            guard let members = value.members, members.count <= 50 else {
                throw DomainError.invalid("fields", "must be an object of texts.")
            }
            return members
        }
    }

    struct Abandon: Endpoint {
        static let route = EndpointRoute(
            method: .delete, path: "/link_sessions/{session}", summary: "Ends a session that nobody will finish.",
            access: .linkSession)

        static func handle(_ call: Call) async throws -> Reply {
            _ = try await call.services.links.abandon(
                sessionID: call.parameter("session"), in: environment(call).scope)
            return .noContent
        }
    }

    /// The key's environment, or without a key the session's own.
    private static func environment(_ call: Call) async throws -> Domain.Environment {
        if let caller = call.caller { return caller.environment }
        return try await call.services.links.environment(of: call.parameter("session"))
    }

    private static func reply(_ view: LinkView, status: HTTPResponse.Status = .ok) -> Reply {
        Reply.json(status: status) { out in
            out.object { out in
                out.member("id", view.id)
                out.member("status", view.statusName)
                out.member("step", StepCodec.json(view.step))
                out.member("revision", view.revision)
                out.member("institution", view.institution)
                out.member("connection", view.connectionID)
                out.member("customer", view.customerID)
                out.member("consent_text", view.consentText)
                out.member("expires_at", view.expiresAt)
            }
        }
    }
}
