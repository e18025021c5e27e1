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
                """, access: .linkSession, isLong: true, commitsReply: true)

        static func handle(_ call: Call) async throws -> Reply {
            let body = call.json
            var request = BeginLink(institution: try body.text("institution"))
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
            do {
                guard Call.bearer(call.headers) != nil else {
                    return reply(try await call.services.links.begin(widget: request), status: .created)
                }
                let environment = try await environment(call)
                return reply(
                    try await call.services.links.begin(
                        request, in: environment, once: call.once { reply($0, status: .created) }),
                    status: .created)
            } catch let error as DomainError {
                // The widget's option of the same meaning is called `limit`.
                throw error.renaming(["limit": "history_months"])
            }
        }
    }

    struct Get: Endpoint {
        static let waitSecondsMax: Int64 = 25
        static let route = EndpointRoute(
            method: .get, path: "/link_sessions/{session}", summary: "A session as it is now, or when it has changed.",
            access: .linkSession, isLong: true)

        static func handle(_ call: Call) async throws -> Reply {
            let id = call.parameter("session")
            let seconds = try number("wait", 0...waitSecondsMax, call) ?? 0
            let revision = try number("revision", 0...Int64.max, call)
            let scope = try await environment(call).scope
            guard seconds > 0 else { return reply(try await call.services.links.find(sessionID: id, in: scope)) }
            return reply(
                try await call.services.links.watch(sessionID: id, in: scope, seconds: seconds, revision: revision))
        }

        private static func number(_ name: String, _ range: ClosedRange<Int64>, _ call: Call) throws -> Int64? {
            guard let text = call.query[name], !text.isEmpty else { return nil }
            guard let number = Int64(text), range.contains(number) else {
                throw DomainError.invalid(name, "must be a whole number from 0 to \(range.upperBound).")
            }
            return number
        }
    }

    /// The banks of the `select_institution` step; a page has no key for `banks/list`.
    struct Institutions: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/link_sessions/{session}/institutions", summary: "The banks that it can link.",
            access: .linkSession)

        static func handle(_ call: Call) async throws -> Reply {
            let environment = try await environment(call)
            try await call.services.links.known(sessionID: call.parameter("session"), in: environment.scope)
            return Reply.json { out in
                out.object { out in
                    out.array("data") { out in
                        for institution in call.services.reads.institutions(environment.kind) {
                            out.object { out in
                                out.member("id", institution.id)
                                out.member("slug", institution.slug)
                                out.member("name", institution.name)
                                out.member("ussd", institution.ussd)
                                out.member("country", institution.country)
                            }
                        }
                    }
                    out.member("has_more", false)
                    out.member("next_cursor", String?.none)
                }
            }
        }
    }

    struct Answer: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/link_sessions/{session}/answers", summary: "Answers the step of a session.",
            example: "{\"revision\":1,\"fields\":{\"username\":\"ada\",\"password\":\"secret\"},\"accounts\":[]}",
            access: .linkSession, isLong: true, keepsReply: true)

        static func handle(_ call: Call) async throws -> Reply {
            let body = call.json
            let view = try await call.services.links.perform(
                try move(body), sessionID: call.parameter("session"), in: environment(call).scope,
                revision: body.integer("revision"))
            return reply(view)
        }

        private static func move(_ body: NativeBody) throws -> LinkMove {
            switch try body.text("action") ?? "answer" {
            case "answer":
                if let name = try body.text("institution"), !name.isEmpty { return .choose(institution: name) }
                return .answer(try answer(body))
            case "retry": return .retry
            case "back": return .back
            default: throw DomainError.invalid("action", "must be `answer`, `retry` or `back`.")
            }
        }

        private static func answer(_ body: NativeBody) throws -> StepAnswer {
            var answer = StepAnswer()
            answer.accounts = try body.texts("accounts") ?? []
            for (name, value) in try fields(body) {
                switch value {
                case .string(let text): answer.fields[name] = text
                case .integer(let number): answer.fields[name] = String(number)
                default: throw DomainError.invalid("fields.\(name.prefix(40))", "must be a text.")
                }
            }
            return answer
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
            access: .linkSession, commitsReply: true)

        static func handle(_ call: Call) async throws -> Reply {
            // Not every client sends a body with DELETE.
            let reason = try call.json.text("reason") ?? call.query["reason"]
            _ = try await call.services.links.abandon(
                sessionID: call.parameter("session"), in: environment(call).scope, reason: reason,
                once: call.onceDone())
            return .noContent
        }
    }

    /// The key's environment, or without a key the session's own.
    private static func environment(_ call: Call) async throws -> Domain.Environment {
        if let caller = call.caller { return caller.environment }
        return try await call.services.links.environment(of: call.parameter("session"))
    }

    static func reply(_ view: LinkView, status: HTTPResponse.Status = .ok) -> Reply {
        Reply.json(status: status) { out in
            out.object { out in
                out.member("id", view.id)
                out.member("status", view.statusName)
                out.member("step", StepCodec.json(view.step))
                out.member("revision", view.revision)
                out.member("working", view.isWorking)
                out.member("answer", view.outcomeName)
                out.member("institution", view.institution)
                out.member("connection", view.connectionID)
                out.member("customer", view.customerID)
                out.member("consent_text", view.consentText)
                if let problem = view.problem {
                    out.object("problem") { out in
                        out.member("code", problem.code)
                        out.member("message", problem.message)
                    }
                } else {
                    out.member("problem", String?.none)
                }
                out.member("reason", view.reason)
                out.member("expires_at", view.expiresAt)
            }
        }
    }
}
