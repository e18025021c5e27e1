import Connectors
import Domain

/// Calls to the bank: paths and headers, and what a failed call means.
struct TemplateClient: Sendable {
    let transport: any HTTPTransport

    struct Call {
        var method = "GET"
        var path: String
        var query: [(name: String, value: String)] = []
        var token: String?
        var body: JSONValue?
        /// Names a call for data, whose answer may be kept as it comes.
        var operation: String?
    }

    /// - Returns: the JSON object of a 200.
    func send(_ call: Call, _ context: ConnectorContext) async throws(ConnectorError) -> TemplateReader {
        let request = try request(call, context)
        let reply: HTTPReplyData
        do throws(HTTPTransportError) {
            reply = try await transport.send(request)
        } catch {
            throw TemplateTranslate.error(error)
        }
        guard reply.status == 200 else { throw TemplateTranslate.error(reply) }
        // Before it is read: an answer that cannot be read is what one wants to look at.
        if let operation = call.operation { context.payloads?.add(operation, reply.body) }
        return try TemplateReader(reply.body)
    }

    private func request(_ call: Call, _ context: ConnectorContext) throws(ConnectorError) -> HTTPRequestData {
        var url = try context.settings.require("base_url") + "/" + call.path
        for (index, item) in call.query.enumerated() { url += "\(index == 0 ? "?" : "&")\(item.name)=\(item.value)" }
        var headers = [(name: "X-Correlation-Id", value: context.correlationID)]
        if let token = call.token { headers.append(("Authorization", "Bearer \(token)")) }
        if call.body != nil { headers.append(("Content-Type", "application/json")) }
        return HTTPRequestData(
            method: call.method, url: url, headers: headers, body: call.body.map { Array($0.encoded.utf8) } ?? [])
    }
}
