import Domain
import Engine
import HTTPTypes

/// Statements as banks give them by themselves; those that people upload are `Statements`.
enum BankStatements {
    struct Get: Endpoint {
        private static let monthsMax = 12
        static let route = EndpointRoute(
            method: .get, path: "/accounts/{account}/bank_statement",
            summary: "The bank's own statement of an account, read now and not kept.",
            example: "{\"months\":\"1\"}", isLong: true, query: ["months"])

        static func handle(_ call: Call) async throws -> Reply {
            guard let text = call.query["months"], !text.isEmpty else { throw DomainError.missing("months") }
            guard let months = Int(text), (1...monthsMax).contains(months) else {
                throw DomainError.invalid("months", "must be 1 to \(monthsMax).")
            }
            let found = try await call.services.bankStatements.read(
                account: OkraBody.id(call.parameter("account")), months: months, in: call.environment())
            return Reply.json { out in out.object { write(found, &$0) } }
        }

        private static func write(_ statement: BankStatement, _ out: inout JSONWriter) {
            out.member("account", statement.account)
            out.member("currency", statement.currency.code)
            out.member("months", statement.months)
            out.member("from", statement.rows.last?.bookedOn.iso)
            out.member("to", statement.rows.first?.bookedOn.iso)
            out.member("count", statement.rows.count)
            out.member("fetched_at", statement.fetchedAt)
            out.array("rows") { list in
                for row in statement.rows { list.object { write(row, &$0) } }
            }
        }

        private static func write(_ row: FetchedTransaction, _ out: inout JSONWriter) {
            out.member("upstream_id", row.upstreamID)
            out.member("amount_minor", row.amount.minor)
            out.member("booked_on", row.bookedOn.iso)
            out.member("occurred_at", row.occurredAt)
            out.member("description", row.text)
            out.member("counterparty", row.counterparty)
            out.member("reference", row.reference)
            out.member("channel", row.channel)
            out.member("branch", row.branch)
            out.member("code", row.code)
            out.member("running_balance_minor", row.runningBalance?.minor)
        }
    }
}
