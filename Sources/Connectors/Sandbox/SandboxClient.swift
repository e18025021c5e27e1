import Domain

/// Calls to the sandbox bank: paths and headers, and what a failed call means.
struct SandboxClient: Sendable {
    let transport: any HTTPTransport
    let baseURL: String

    struct Call {
        var method = "GET"
        var path: String
        var query: [(name: String, value: String)] = []
        var bearer: String?
        var body: JSONValue?
        /// Names a data call, whose answer may be kept as it comes.
        var operation: String?
    }

    /// - Returns: the JSON object of a 200.
    func send(_ call: Call, _ context: ConnectorContext) async throws(ConnectorError) -> JSONValue {
        let reply = try await exchange(call, context)
        guard reply.status == 200 else { throw SandboxTranslate.error(reply) }
        // Before it is read: an answer that cannot be read is what one wants to look at.
        if let operation = call.operation { context.payloads?.add(operation, reply.body) }
        return try SandboxTranslate.object(reply.body)
    }

    func exchange(_ call: Call, _ context: ConnectorContext) async throws(ConnectorError) -> HTTPReplyData {
        do {
            return try await transport.send(request(call, context))
        } catch {
            throw SandboxTranslate.error(error)
        }
    }

    private func request(_ call: Call, _ context: ConnectorContext) -> HTTPRequestData {
        var url = "\(baseURL)/env/\(context.environmentID)/\(context.institution)/\(call.path)"
        for (index, item) in call.query.enumerated() { url += "\(index == 0 ? "?" : "&")\(item.name)=\(item.value)" }
        var headers = [(name: "X-Correlation-Id", value: context.correlationID)]
        if let bearer = call.bearer { headers.append(("Authorization", "Bearer \(bearer)")) }
        if call.body != nil { headers.append(("Content-Type", "application/json")) }
        return HTTPRequestData(
            method: call.method, url: url, headers: headers, body: call.body.map { Array($0.encoded.utf8) } ?? [])
    }
}
