import Domain

/// What the bank answers.
public struct SandboxReply: Sendable, Equatable {
    public var status: Int
    public var headers: [String: String]
    public var body: [UInt8]
    /// Real time that passes before the answer; the host that serves the bank waits it.
    public var delayMs: Int64

    init(_ status: Int, delayMs: Int64 = 0, _ body: (inout JSONWriter) -> Void) {
        var writer = JSONWriter()
        writer.object(body)
        self.status = status
        headers = ["Content-Type": "application/json"]
        self.body = writer.bytes
        self.delayMs = delayMs
    }
}

/// Why the bank does not do what it was asked for.
struct SandboxProblem: Error {
    var status: Int
    var code: String
    var message: String
    var attemptsLeft: Int?
    var delayMs: Int64 = 0
    var retryAfterSeconds: Int?

    init(_ status: Int, _ code: String, _ message: String, attemptsLeft: Int? = nil) {
        self.status = status
        self.code = code
        self.message = message
        self.attemptsLeft = attemptsLeft
    }

    func delayed(_ persona: SandboxPersona) -> SandboxProblem {
        var problem = self
        problem.delayMs = persona.delayMs
        return problem
    }

    var reply: SandboxReply {
        var reply = SandboxReply(status, delayMs: delayMs) { out in
            out.object("error") { out in
                out.member("code", code)
                out.member("message", message)
                if let attemptsLeft { out.member("attempts_left", attemptsLeft) }
            }
        }
        if let retryAfterSeconds { reply.headers["Retry-After"] = String(retryAfterSeconds) }
        return reply
    }

    static let noSuchPath = SandboxProblem(404, "no_such_path", "There is nothing here.")
    static let badJSON = SandboxProblem(400, "bad_request", "The body is not a JSON object.")
    static let noToken = SandboxProblem(401, "invalid_token", "The access token is not known.")
    static let withdrawn = SandboxProblem(403, "consent_revoked", "The consent was withdrawn.")
    static let ended = SandboxProblem(401, "reauth_required", "This access has ended; log in again.")
    static func missing(_ name: String) -> SandboxProblem {
        SandboxProblem(400, "bad_request", "`\(name)` is required.")
    }
}

extension SandboxReply {
    /// The body as a script spoils it.
    func garbled(_ show: SandboxShow) -> SandboxReply {
        guard let body = show.body else { return self }
        var reply = self
        switch body {
        case .html:
            reply.headers["Content-Type"] = "text/html"
            reply.body = Array("<html><body><h1>We will be back soon</h1></body></html>".utf8)
        case .empty: reply.body = []
        case .half: reply.body = Array(self.body.prefix(self.body.count / 2))
        case .array: reply.body = Array("[]".utf8)
        }
        return reply
    }
}

extension JSONWriter {
    /// Amounts travel as text, so that nobody reads them as floating-point numbers.
    mutating func decimal(_ name: StaticString, _ minor: Int64?) {
        member(name, minor.map { Money.decimal(minor: $0, scale: 2) })
    }
}
