import Domain
import Engine
import HTTPTypes

/// What banks make of the money that comes in.
enum Incomes {
    private static let monthsMax: Int64 = 12

    struct Ask: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/accounts/{account}/income",
            summary: "Asks the bank what it makes of the money that comes into an account.",
            example: "{\"months\":6}", isLong: true, commitsReply: true, members: ["months"])

        static func handle(_ call: Call) async throws -> Reply {
            let months = try call.json.integer("months")
            if let months, !(1...monthsMax).contains(months) {
                throw DomainError.invalid("months", "must be 1 to \(monthsMax), or left out for all that the bank has.")
            }
            return reply(
                try await call.services.incomes.ask(
                    account: OkraBody.id(call.parameter("account")), months: months.map { Int($0) },
                    in: call.environment(), once: call.once { reply($0) }))
        }
    }

    struct Get: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/accounts/{account}/income",
            summary: "The last income profile of an account, and how far the one has got that was asked for last.")

        static func handle(_ call: Call) async throws -> Reply {
            let found = try await call.services.incomes.find(
                account: OkraBody.id(call.parameter("account")), in: call.environment())
            return Reply.json { out in out.object { write(found, &$0) } }
        }
    }

    private static func reply(_ view: IncomeView) -> Reply {
        Reply.json(status: view.isProcessing ? .accepted : .ok) { out in out.object { write(view, &$0) } }
    }

    private static func write(_ view: IncomeView, _ out: inout JSONWriter) {
        out.member("id", view.id)
        out.member("account", view.account)
        out.member("connection", view.connection)
        out.member("state", view.state)
        out.member("months", view.months.map { Int64($0) })
        out.member("error", view.error)
        out.member("asked_at", view.askedAt)
        out.member("made_at", view.madeAt)
        if let income = view.income {
            out.raw("income", String(decoding: income, as: UTF8.self))
        } else {
            out.null("income")
        }
    }
}
