import Domain

/// Calls a server's native API with a secret key.
struct ServerAPI: Sendable {
    let transport: any HTTPTransport
    /// The root of the server, without a slash at its end.
    let url: String
    let key: String

    /// - Returns: the body of a reply that went well.
    func send(_ method: String, _ path: String, body: [UInt8] = [], seconds: Int) async throws -> [UInt8] {
        var headers = [("authorization", "Bearer \(key)"), ("user-agent", "kubewa")]
        if !body.isEmpty { headers.append(("content-type", "application/json")) }
        let request = HTTPRequestData(
            method: method, url: url + path, headers: headers, body: body, timeoutSeconds: seconds)
        let reply: HTTPReplyData
        do {
            reply = try await transport.send(request)
        } catch {
            throw ListenError.away(url, error)
        }
        switch reply.status {
        case 200...299: return reply.body
        case 401: throw ListenError.unknownKey
        case 429, 500...599: throw ListenError.busy(url, reply.status)
        default:
            guard let error = Self.json(reply.body)?["error"], let message = error["message"]?.text else {
                throw ListenError.notKubewa(url)
            }
            throw ListenError.refused(message)
        }
    }

    /// nil for what is no JSON, as a page of something that stands between.
    static func json(_ bytes: [UInt8]) -> JSONValue? { try? JSONValue(parsing: bytes) }
}
