import Crypto
import Domain
import HTTPTypes
import NIOCore

/// A file of the link page as it is served: hashed and compressed once, when the server starts.
struct LinkFile: Sendable {
    enum Kind: String, Sendable {
        case html = "text/html; charset=utf-8"
        case css = "text/css; charset=utf-8"
        case js = "text/javascript; charset=utf-8"
    }

    let kind: Kind
    /// The first digits of the content's hash.
    let hash: String
    private let plain: ByteBuffer
    private let packed: ByteBuffer?
    private var tag: String { "\"\(hash)\"" }

    init(_ kind: Kind, _ text: String) {
        self.kind = kind
        let bytes = Array(text.utf8)
        hash = Hex.encode(SHA256.hash(data: bytes).prefix(8))
        plain = ByteBuffer(bytes: bytes)
        packed = Gzip.compress(bytes).map { ByteBuffer(bytes: $0) }
    }

    /// - Parameter cacheControl: for how long a browser may keep it.
    func reply(to headers: HTTPFields, status: HTTPResponse.Status = .ok, cacheControl: String) -> Reply {
        var reply = Reply(status: status, contentType: kind.rawValue, body: plain)
        reply.headers[.cacheControl] = cacheControl
        reply.headers[.eTag] = tag
        reply.headers[.vary] = "Accept-Encoding"
        reply.headers[.xContentTypeOptions] = "nosniff"
        if status == .ok, headers[.ifNoneMatch]?.contains(tag) == true {
            reply.status = .notModified
            reply.body = ByteBuffer()
        } else if let packed, Gzip.isAccepted(headers) {
            reply.body = packed
            reply.headers[.contentEncoding] = "gzip"
        }
        return reply
    }
}

extension HTTPField.Name {
    static let referrerPolicy = HTTPField.Name("referrer-policy") ?? .date
    static let permissionsPolicy = HTTPField.Name("permissions-policy") ?? .date
    static let resourcePolicy = HTTPField.Name("cross-origin-resource-policy") ?? .date
}
