import Domain
import HTTPTypes
import Hummingbird
import NIOCore

/// What an endpoint answers. Statuses of errors are given elsewhere (`ErrorReply`).
public struct Reply: Sendable {
    public var status: HTTPResponse.Status
    public var contentType: String
    public var body: ByteBuffer
    public var headers: HTTPFields = [:]
    /// Writes a body that is too long to be held, piece by piece, instead of `body`. What goes wrong on the way ends
    /// the connection, so that nobody takes the part for the whole.
    var stream: (@Sendable (_ write: ([UInt8]) async throws -> Void) async throws -> Void)?

    public init(status: HTTPResponse.Status = .ok, contentType: String = Reply.json, body: ByteBuffer = ByteBuffer()) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }

    public static let json = "application/json; charset=utf-8"

    /// Nothing to say.
    static let noContent = Reply(status: .noContent)

    /// JSON that `write` writes.
    static func json(
        status: HTTPResponse.Status = .ok, _ write: (inout JSONWriter) throws -> Void
    ) rethrows -> Reply {
        var out = JSONWriter()
        try write(&out)
        return Reply(status: status, body: ByteBuffer(bytes: out.bytes))
    }

    func response(requestID: String) -> Response {
        var fields = headers
        fields[.requestID] = requestID
        guard status != .noContent, status != .notModified else { return Response(status: status, headers: fields) }
        fields[.contentType] = contentType
        if let stream {
            return Response(
                status: status, headers: fields,
                body: ResponseBody { writer in
                    try await stream { try await writer.write(ByteBuffer(bytes: $0)) }
                    try await writer.finish(nil)
                })
        }
        return Response(status: status, headers: fields, body: ResponseBody(byteBuffer: body))
    }
}

extension HTTPField.Name {
    static let requestID = HTTPField.Name("x-request-id") ?? .date
    static let traceParent = HTTPField.Name("traceparent") ?? .date
    static let idempotencyKey = HTTPField.Name("idempotency-key") ?? .date
    static let idempotencyReplayed = HTTPField.Name("idempotency-replayed") ?? .date
}
