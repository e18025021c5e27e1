import Domain
import Engine
import HTTPTypes

/// Runs that fetch from the bank.
enum Refreshes {
    struct Create: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/refreshes", summary: "Asks the bank now, or joins the run in flight.",
            example: "{\"connection\":\"{record}\",\"account\":\"{account}\",\"products\":[\"balance\"]}", isLong: true,
            commitsReply: true, members: ["connection", "account", "products"])

        static func handle(_ call: Call) async throws -> Reply {
            let body = call.json
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
        static let waitSecondsMax: Int64 = 25
        static let route = EndpointRoute(
            method: .get, path: "/refreshes/{refresh}", summary: "One run and its outcome, now or when it is over.",
            isLong: true, query: ["wait"])

        static func handle(_ call: Call) async throws -> Reply {
            guard let id = Int64(call.parameter("refresh")) else { throw DomainError.notFound("refresh") }
            let scope = try call.environment().scope
            var seconds: Int64 = 0
            if let text = call.query["wait"], !text.isEmpty {
                guard let number = Int64(text), (0...waitSecondsMax).contains(number) else {
                    throw DomainError.invalid("wait", "must be a whole number of seconds from 0 to \(waitSecondsMax).")
                }
                seconds = number
            }
            let refreshes = call.services.refreshes
            guard seconds > 0 else { return reply(try await refreshes.find(scope: scope, id: id), hasSteps: true) }
            return reply(try await refreshes.watch(scope: scope, id: id, seconds: seconds), hasSteps: true)
        }
    }

    struct List: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/refreshes", summary: "The runs of a connection, the newest first.",
            example: "{\"connection\":\"{record}\",\"limit\":\"20\"}", query: .page("connection"))

        static func handle(_ call: Call) async throws -> Reply {
            guard let connection = call.query["connection"], !connection.isEmpty else {
                throw DomainError.missing("connection")
            }
            let page = try NativePage(call.query)
            var before: Int64?
            if let cursor = page.cursor {
                guard let id = Int64(cursor) else {
                    throw DomainError.invalid("cursor", "must be the `next_cursor` of a reply.")
                }
                before = id
            }
            let found = try await call.services.refreshes.list(
                in: call.environment(), connectionID: OkraBody.id(connection), before: before, limit: page.limit + 1)
            let shown = found.prefix(page.limit)
            let next = found.count > page.limit ? shown.last.map { String($0.refreshID) } : nil
            return Reply.json { out in
                out.object { out in
                    out.array("data") { out in for ticket in shown { out.object { write(ticket, &$0) } } }
                    out.member("has_more", next != nil)
                    out.member("next_cursor", next)
                }
            }
        }
    }

    private static func reply(
        _ ticket: RefreshTicket, status: HTTPResponse.Status = .ok, hasSteps: Bool = false
    ) -> Reply {
        Reply.json(status: status) { out in
            out.object { out in
                write(ticket, &out)
                guard hasSteps else { return }
                out.array("steps") { out in for step in ticket.steps { out.object { write(step, &$0) } } }
            }
        }
    }

    private static func write(_ ticket: RefreshTicket, _ out: inout JSONWriter) {
        out.member("id", String(ticket.refreshID))
        out.member("connection", ticket.connectionID)
        out.member("state", ticket.state)
        out.array("causes") { out in for cause in ticket.causes { out.string(cause) } }
        out.array("products") { out in for product in ticket.products { out.string(product) } }
        out.member("joined", ticket.isJoined)
        out.member("requested_at", ticket.requestedAt)
        out.member("started_at", ticket.startedAt)
        out.member("ended_at", ticket.endedAt)
        out.member("error", ticket.error)
        out.object("missed") { out in
            for one in ticket.missed {
                out.key(one.product)
                out.string(one.code)
            }
        }
        if let waiting = ticket.waiting {
            out.object("waiting") { out in
                out.member("reason", waiting.reason)
                out.member("until", waiting.until)
            }
        } else {
            out.member("waiting", String?.none)
        }
        out.member("next_allowed_at", ticket.nextAllowedAt)
        out.member("added", ticket.added)
        out.member("modified", ticket.modified)
        out.member("removed", ticket.removed)
        out.member("steps_done", Int64(ticket.stepsDone))
        out.member("steps_planned", Int64(ticket.stepsPlanned))
    }

    private static func write(_ step: StepTrace, _ out: inout JSONWriter) {
        out.member("operation", step.operation)
        out.member("account", step.accountID)
        out.member("from", step.window?.from.iso)
        out.member("to", step.window?.to.iso)
        out.member("at", step.at)
        out.member("duration_ms", step.durationMs)
        out.member("calls", step.calls)
        out.member("outcome", step.outcome)
        out.member("detail", step.detail)
        out.member("upstream_code", step.upstreamCode)
        out.member("added", step.added)
        out.member("modified", step.modified)
        out.member("removed", step.removed)
        out.object("dropped") { out in
            for (reason, rows) in step.dropped.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                out.key(reason.rawValue)
                out.integer(Int64(rows))
            }
        }
        out.array("notes") { out in for note in step.notes.map(\.rawValue).sorted() { out.string(note) } }
    }
}
