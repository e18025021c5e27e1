import Domain
import Engine
import HTTPTypes

/// Whether transactions are missing.
enum AccountCompleteness {
    struct Get: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/accounts/{account}/completeness",
            summary: "Whether an account's transactions are all that its balances speak of.")

        static func handle(_ call: Call) async throws -> Reply {
            let found = try await call.services.completeness.find(
                account: OkraBody.id(call.parameter("account")), in: call.environment())
            return Reply.json { out in
                out.object { out in
                    out.member("account", found.account)
                    out.member("currency", found.currency)
                    out.member("state", found.state)
                    out.member("basis", found.basis)
                    out.member("complete_through", found.completeThrough?.iso)
                    out.member("checked_at", found.checkedAt)
                    out.array("gaps") { out in for gap in found.gaps { out.object { write(gap, &$0) } } }
                }
            }
        }

        private static func write(_ gap: CompletenessView.Gap, _ out: inout JSONWriter) {
            out.member("from", gap.from.iso)
            out.member("to", gap.to.iso)
            out.member("amount_minor", gap.minor)
            out.member("basis", gap.basis)
            out.member("state", gap.state)
            out.member("found_at", gap.foundAt)
            out.member("reported_at", gap.reportedAt)
            out.member("closed_at", gap.closedAt)
        }
    }
}
