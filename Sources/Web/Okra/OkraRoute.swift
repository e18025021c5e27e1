import Domain
import Engine
import HTTPTypes

/// An operation of Okra's wire, at the production base and at the sandbox one.
struct OkraRoute: Sendable {
    enum Place: Sendable { case everywhere, sandbox }

    let method: HTTPRequest.Method
    /// Behind the base.
    let name: String
    let summary: String
    let example: String
    let access: Route.Access
    let place: Place
    let isLong: Bool
    let commitsReply: Bool
    let handle: @Sendable (OkraCall) async throws -> Reply

    init(
        _ name: String, _ summary: String, example: String = "{}",
        handle: @escaping @Sendable (OkraCall) async throws -> Reply
    ) {
        self.init(.post, name, summary, example: example, handle: handle)
    }

    init(
        _ method: HTTPRequest.Method, _ name: String, _ summary: String, example: String = "{}",
        access: Route.Access = .secretKey, place: Place = .everywhere, isLong: Bool = false,
        commitsReply: Bool = false, handle: @escaping @Sendable (OkraCall) async throws -> Reply
    ) {
        self.method = method
        self.name = name
        self.summary = summary
        self.example = example
        self.access = access
        self.place = place
        self.isLong = isLong
        self.commitsReply = commitsReply
        self.handle = handle
    }

    var routes: [Route] {
        let kinds: [EnvironmentKind] = place == .sandbox ? [.sandbox] : [.production, .sandbox]
        return kinds.map { kind in
            let handle = handle
            return Route(
                method, "\(OkraPaths.base(kind))/\(name)", wire: .okra, access: access, summary: summary,
                example: example, kind: kind, isLong: isLong, commitsReply: commitsReply
            ) { call in
                let body = call.route.method == .get ? OkraBody(query: call.query) : try OkraBody(bytes: call.bytes)
                return try await handle(OkraCall(call: call, body: body))
            }
        }
    }
}

/// A call on Okra's wire, with its members read.
struct OkraCall: Sendable {
    let call: Call
    let body: OkraBody

    var reads: ReadService { call.services.reads }
    var kind: EnvironmentKind { call.route.kind ?? .production }

    func environment() throws -> Domain.Environment { try call.environment() }

    func callbackURL(record: String, method: String) -> String {
        OkraPaths.callback(call.services.core.settings.publicURL, kind, record, method)
    }

    /// Starts a refresh and says where its result can be read.
    func refresh(_ message: String, method: String, products: Set<Product>, isCheck: Bool = false) async throws -> Reply
    {
        let account = try body.text("account_id", "account").map(OkraBody.id)
        let record = try body.text("record_id", "record").map(OkraBody.id)
        guard account != nil || record != nil else { throw DomainError.missing("account_id") }
        @Sendable func reply(_ ticket: RefreshTicket) -> Reply {
            OkraReply.reply(message) { out in
                out.member("callback_url", callbackURL(record: ticket.connectionID, method: method))
                out.member("record", ticket.connectionID)
                out.member("method", method)
                out.member("refresh", String(ticket.refreshID))
                out.member("joined", ticket.isJoined)
            }
        }
        return reply(
            try await call.services.refreshes.requestOnDemand(
                in: environment(), accountID: account, connectionID: account == nil ? record : nil,
                products: products, isCheck: isCheck, once: call.once { reply($0) }))
    }

    /// A page whose only row is found by an id; a page behind the first is empty.
    func page(needsDays: Bool = false) throws -> PageRequest { try body.page(needsDays: needsDays) }
}
