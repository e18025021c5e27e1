import Domain
import Engine
import HTTPTypes

/// Statement files: uploaded as the body itself, read while they come, and taken over when somebody said yes.
enum Statements {
    /// The file for a link session whose step is `upload`. The session's id is the right to send it.
    struct UploadToSession: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/link_sessions/{session}/file", summary: "Sends the file that a session waits for.",
            example: "", access: .linkSession, streamsBody: true)

        static func handle(_ call: Call) async throws -> Reply {
            let id = call.parameter("session")
            let environment =
                if let caller = call.caller { caller.environment } else {
                    try await call.services.links.environment(of: id)
                }
            let view = try await call.services.statements.upload(
                sessionID: id, in: environment.scope, options(call), pieces(call))
            return LinkSessions.reply(view)
        }
    }

    struct Upload: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/connections/{record}/statements",
            summary: "Sends a statement of a connection's account, to be looked at first.", example: "",
            commitsReply: true, streamsBody: true, query: ["name", "date_order", "profile"])

        static func handle(_ call: Call) async throws -> Reply {
            let view = try await call.services.statements.upload(
                connection: call.parameter("record"), in: call.environment(), options(call), pieces(call),
                once: call.once { reply($0, status: .created) })
            return reply(view, status: .created)
        }
    }

    struct List: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/connections/{record}/statements",
            summary: "The statements of a connection, the newest first.", query: .page())

        static func handle(_ call: Call) async throws -> Reply {
            let page = try NativePage(call.query)
            var before: Instant?
            if let cursor = page.cursor {
                guard let ms = Int64(cursor) else {
                    throw DomainError.invalid("cursor", "must be the `next_cursor` of a reply.")
                }
                before = Instant(ms: ms)
            }
            let found = try await call.services.statements.list(
                connection: call.parameter("record"), before: before, limit: page.limit + 1,
                in: call.environment())
            let shown = found.prefix(page.limit)
            let next = found.count > page.limit ? shown.last.map { String($0.createdAt.ms) } : nil
            return Reply.json { out in
                out.object { out in
                    out.array("data") { out in for view in shown { out.object { write(view, &$0) } } }
                    out.member("has_more", next != nil)
                    out.member("next_cursor", next)
                }
            }
        }
    }

    struct Get: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/statements/{statement}", summary: "One uploaded statement, with what was read of it.")

        static func handle(_ call: Call) async throws -> Reply {
            reply(try await call.services.statements.find(call.parameter("statement"), in: call.environment()))
        }
    }

    struct Confirm: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/statements/{statement}/confirm", summary: "Takes a statement's rows over.",
            example: "{\"accounts\":[\"0\"],\"contradictions\":\"keep\"}", commitsReply: true,
            members: ["accounts", "account_number", "contradictions"])

        static func handle(_ call: Call) async throws -> Reply {
            let body = call.json
            var answer = StepAnswer(accounts: try body.texts("accounts") ?? [])
            answer.fields["account_number"] = try body.text("account_number")
            if let word = try body.text("contradictions") {
                guard StatementChoice.Contradiction(rawValue: word) != nil else {
                    throw DomainError.invalid("contradictions", "must be `keep` or `replace`.")
                }
                answer.fields["contradictions"] = word
            }
            return reply(
                try await call.services.statements.confirm(
                    call.parameter("statement"), StatementChoice(answer), in: call.environment(),
                    once: call.once { reply($0) }))
        }
    }

    struct Discard: Endpoint {
        static let route = EndpointRoute(
            method: .delete, path: "/statements/{statement}", summary: "Drops a statement that was not taken over.",
            commitsReply: true)

        static func handle(_ call: Call) async throws -> Reply {
            try await call.services.statements.discard(
                call.parameter("statement"), in: call.environment(), once: call.onceDone())
            return .noContent
        }
    }

    private static func pieces(_ call: Call) throws -> BodyStream.Pieces {
        guard let stream = call.stream else { throw DomainError.missing("file") }
        return stream.pieces
    }

    private static func options(_ call: Call) throws -> StatementOptions {
        try StatementOptions(
            name: call.query["name"], dateOrder: call.query["date_order"], profile: call.query["profile"])
    }

    private static func reply(_ view: StatementView, status: HTTPResponse.Status = .ok) -> Reply {
        Reply.json(status: status) { out in out.object { write(view, &$0) } }
    }

    private static func write(_ view: StatementView, _ out: inout JSONWriter) {
        out.member("id", view.id)
        out.member("connection", view.connectionID)
        out.member("state", view.stateName)
        out.member("format", view.format)
        out.member("profile", view.profile)
        out.member("rows", Int(view.rows))
        out.member("created_at", view.createdAt)
        out.member("imported_at", view.importedAt)
        if let preview = view.preview {
            out.member("preview", preview.json())
        } else {
            out.member("preview", String?.none)
        }
    }
}
