import Domain
import Engine
import HTTPTypes

/// Runs that fetch from the bank.
enum Refreshes {
    struct Create: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/refreshes", summary: "Asks the bank now, or joins the run in flight.",
            example: "{\"connection\":\"{record}\",\"account\":\"{account}\",\"products\":[\"balance\"]}", isLong: true,
            commitsReply: true)

        static func handle(_ call: Call) async throws -> Reply {
            let body = try NativeBody(call.bytes)
            let account = try body.text("account").map(OkraBody.id)
            let connection = try body.text("connection").map(OkraBody.id)
            guard account != nil || connection != nil else { throw DomainError.missing("connection") }
            var products: Set<Product> = [.balance, .transactions]
            if let names = try body.texts("products") {
                products = Set(try names.map { try Product(wire: $0) })
                guard !products.isEmpty else { throw DomainError.invalid("products", "must name one at least.") }
            }
            let ticket = try await call.services.refreshes.requestOnDemand(
                in: call.environment(), accountID: account, connectionID: account == nil ? connection : nil,
                products: products, once: call.once { reply($0, status: .created) })
            return reply(ticket, status: .created)
        }
    }

    struct Get: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/refreshes/{refresh}", summary: "One run and its outcome.")

        static func handle(_ call: Call) async throws -> Reply {
            guard let id = Int64(call.parameter("refresh")) else { throw DomainError.notFound("refresh") }
            return reply(try await call.services.refreshes.find(scope: call.environment().scope, id: id))
        }
    }

    private static func reply(_ ticket: RefreshTicket, status: HTTPResponse.Status = .ok) -> Reply {
        Reply.json(status: status) { out in
            out.object { out in
                out.member("id", String(ticket.refreshID))
                out.member("connection", ticket.connectionID)
                out.member("state", ticket.state)
                out.array("causes") { out in for cause in ticket.causes { out.string(cause) } }
                out.member("joined", ticket.isJoined)
                out.member("requested_at", ticket.requestedAt)
                out.member("ended_at", ticket.endedAt)
                out.member("error", ticket.error)
                out.member("added", ticket.added)
                out.member("modified", ticket.modified)
                out.member("removed", ticket.removed)
            }
        }
    }
}
