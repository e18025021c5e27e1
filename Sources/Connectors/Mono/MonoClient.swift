import Domain

/// Calls to Mono's API: paths, headers and the operator's key, and what a failed call means.
struct MonoClient: Sendable {
    static let defaultBaseURL = "https://api.withmono.com"
    /// Mono holds a request for live data for up to half a minute.
    static let liveTimeoutSeconds = 35

    let transport: any HTTPTransport

    struct Call {
        var method = "GET"
        /// Behind the base URL, with its leading `/`.
        var path: String
        var query: [(name: String, value: String)] = []
        var body: JSONValue?
        /// Asks the bank now, instead of telling what Mono fetched last.
        var isLive = false
        var timeoutSeconds = 15
        /// Names a data call, whose answer may be kept as it comes.
        var operation: String?
    }

    /// A 200, read, with what its headers say of live data.
    struct Answer {
        let value: JSONValue
        let live: MonoLive
    }

    /// - Returns: the JSON object of a 200 or 201.
    func send(_ call: Call, _ context: ConnectorContext) async throws(ConnectorError) -> Answer {
        let reply = try await exchange(call, context)
        guard reply.status == 200 || reply.status == 201 else { throw MonoTranslate.error(reply) }
        // Before it is read: an answer that cannot be read is what one wants to look at.
        if let operation = call.operation { context.payloads?.add(operation, reply.body) }
        return Answer(value: try MonoTranslate.object(reply.body), live: MonoLive(reply))
    }

    private func exchange(_ call: Call, _ context: ConnectorContext) async throws(ConnectorError) -> HTTPReplyData {
        let request = try request(call, context)
        do {
            return try await transport.send(request)
        } catch {
            throw MonoTranslate.error(error)
        }
    }

    private func request(_ call: Call, _ context: ConnectorContext) throws(ConnectorError) -> HTTPRequestData {
        let key = try context.settings.require("secret_key")
        guard key.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw ConnectorError(.clientMisconfigured, upstreamCode: "setting_invalid:secret_key")
        }
        var url = Self.baseURL(context.settings) + call.path
        for (index, item) in call.query.enumerated() { url += "\(index == 0 ? "?" : "&")\(item.name)=\(item.value)" }
        var headers = [(name: "Accept", value: "application/json"), (name: "mono-sec-key", value: key)]
        if call.isLive { headers.append(("x-realtime", "true")) }
        if call.body != nil { headers.append(("Content-Type", "application/json")) }
        return HTTPRequestData(
            method: call.method, url: url, headers: headers, body: call.body.map { Array($0.encoded.utf8) } ?? [],
            timeoutSeconds: call.isLive ? Self.liveTimeoutSeconds : call.timeoutSeconds)
    }

    static func baseURL(_ settings: ConnectorSettings) -> String {
        let given = settings["base_url"] ?? defaultBaseURL
        return given.hasSuffix("/") ? String(given.dropLast()) : given
    }
}

/// What the headers of an answer say of a request for live data.
struct MonoLive: Sendable, Equatable {
    enum Job: String, Sendable { case processing, finished, failed }

    let needsLogin: Bool
    let job: Job?

    init(_ reply: HTTPReplyData) {
        needsLogin = reply.header("x-reauth-required")?.lowercased() == "true"
        job = reply.header("x-job-status").flatMap { Job(rawValue: $0.lowercased()) }
    }

    /// - Throws: `reauth_required` when the bank wants its person, `provider_unavailable` when it was not reached.
    func check() throws(ConnectorError) {
        if needsLogin { throw ConnectorError(.reauthRequired, upstreamCode: "x-reauth-required") }
        if job == .failed { throw ConnectorError(.providerUnavailable, upstreamCode: "realtime_failed") }
    }
}
