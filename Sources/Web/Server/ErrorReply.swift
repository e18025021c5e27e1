import Domain
import Engine
import HTTPTypes
import NIOCore

/// The one place that gives errors their statuses and bodies.
enum ErrorReply {
    static func status(_ kind: ErrorCode.Kind) -> HTTPResponse.Status {
        switch kind {
        case .badRequest: .badRequest
        case .unauthorized: .unauthorized
        case .forbidden: .forbidden
        case .notFound: .notFound
        case .gone: .gone
        case .conflict: .conflict
        case .tooLarge: .contentTooLarge
        case .methodNotAllowed: .methodNotAllowed
        case .rateLimited: .tooManyRequests
        case .deadline, .unavailable: .serviceUnavailable
        case .unexpected: .internalServerError
        }
    }

    /// What an error is to a customer; nil when it is one that nobody foresaw.
    static func known(_ error: any Error) -> DomainError? {
        if let error = error as? DomainError { return error }
        if let error = error as? ConnectorError { return DomainError(.unavailable, error.message) }
        if let message = ReadService.unavailability(error) { return DomainError(.unavailable, message) }
        return nil
    }

    static let unexpected = DomainError(
        .unexpected, "Something went wrong on this server. Try again; if it stays, report the request id.")

    static func reply(_ error: DomainError, wire: Route.Wire, requestID: String) -> Reply {
        var reply = Reply.json(status: status(error.code.kind)) { out in
            wire == .okra ? okra(error, requestID, &out) : native(error, requestID, &out)
        }
        switch error.code.kind {
        case .unauthorized: reply.headers[.wwwAuthenticate] = "Bearer"
        case .rateLimited: reply.headers[.retryAfter] = String(error.retry?.seconds ?? 60)
        case .unavailable, .deadline: reply.headers[.retryAfter] = "5"
        default: break
        }
        return reply
    }

    /// Clients of Okra read `message` or, older ones, `msg`.
    private static func okra(_ error: DomainError, _ requestID: String, _ out: inout JSONWriter) {
        out.object { out in
            out.member("status", "error")
            out.member("name", "APIError")
            out.member("message", error.message)
            out.member("msg", error.message)
            out.member("code", error.code.name)
            if error.code.kind == .rateLimited { out.member("type", "RATE_LIMIT") }
            if let field = error.field { out.member("field", field) }
            if let retry = error.retry { out.member("next_allowed_at", retry.at) }
            out.member("request_id", requestID)
        }
    }

    private static func native(_ error: DomainError, _ requestID: String, _ out: inout JSONWriter) {
        out.object { out in
            out.object("error") { out in
                out.member("code", error.code.name)
                out.member("message", error.message)
                out.member("field", error.field)
                if let retry = error.retry { out.member("next_allowed_at", retry.at) }
                out.member("request_id", requestID)
            }
        }
    }
}
