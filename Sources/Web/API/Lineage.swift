import Domain
import Engine
import HTTPTypes

/// How transactions came to be what they are, and rulings about it.
enum Lineage {
    struct Get: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/transactions/{transaction}/lineage",
            summary: "Which rows of the bank a transaction was, by which rule, and how sure.")

        static func handle(_ call: Call) async throws -> Reply {
            let view = try await call.services.lineage.find(
                OkraBody.id(call.parameter("transaction")), in: call.environment())
            return Reply.json { out in out.object { Lineage.write(view, &$0) } }
        }
    }

    struct Merge: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/transactions/{transaction}/merge",
            summary: "Rules that two transactions are one, which keeps this id.",
            example: "{\"with\":\"{other_transaction}\"}", commitsReply: true, members: ["with"])

        static func handle(_ call: Call) async throws -> Reply {
            let other = OkraBody.id(try call.json.required("with"))
            return reply(
                try await call.services.lineage.merge(
                    OkraBody.id(call.parameter("transaction")), with: other, in: call.environment(),
                    once: call.once { reply($0) }))
        }
    }

    struct Split: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/transactions/{transaction}/split",
            summary: "Rules that what was matched or merged in is a transaction of its own.",
            commitsReply: true, members: ["lineage"])

        static func handle(_ call: Call) async throws -> Reply {
            let entry = try call.json.text("lineage")
            return reply(
                try await call.services.lineage.split(
                    OkraBody.id(call.parameter("transaction")), lineage: entry, in: call.environment(),
                    once: call.once { reply($0) }))
        }
    }

    struct Trust: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/id_trust", summary: "How the banks' own ids of transactions behaved so far.")

        static func handle(_ call: Call) async throws -> Reply {
            let banks = try await call.services.lineage.trusts(in: call.environment())
            return Reply.json { out in
                out.object { out in
                    out.array("data") { list in
                        for bank in banks {
                            list.object { out in
                                out.member("connector", bank.connector)
                                out.member("institution", bank.institution)
                                Lineage.write(bank.trust, &out)
                            }
                        }
                    }
                }
            }
        }
    }

    private static func reply(_ ruling: LineageRuling) -> Reply {
        Reply.json { out in
            out.object { out in
                out.member("transaction", ruling.transaction)
                out.member("other", ruling.other)
                out.member("lineage", ruling.lineage)
            }
        }
    }

    private static func write(_ view: LineageView, _ out: inout JSONWriter) {
        out.member("transaction", view.transaction)
        out.member("account", view.account)
        out.member("status", view.status.rawValue)
        out.member("merged_into", view.mergedInto)
        out.object("id_trust") { write(view.trust, &$0) }
        out.array("lineage") { list in for entry in view.entries { list.object { write(entry, &$0) } } }
    }

    private static func write(_ trust: IdTrust, _ out: inout JSONWriter) {
        out.member("level", trust.level.rawValue)
        out.member("kept", trust.kept)
        out.member("changed", trust.changed)
        out.member("reused", trust.reused)
        out.member("missing", trust.missing)
    }

    private static func write(_ entry: LineageEntry, _ out: inout JSONWriter) {
        out.member("id", entry.id)
        out.member("at", entry.at)
        out.member("kind", entry.kind.rawValue)
        out.member("rule", entry.match.rule.rawValue)
        out.member("confidence", entry.match.confidence)
        out.member("other", entry.other)
        out.member("upstream_id_before", entry.upstreamBefore)
        out.member("upstream_id_after", entry.upstreamAfter)
        out.member("undone_at", entry.undoneAt)
        guard let before = entry.before else { return out.null("before") }
        out.object("before") { out in
            out.member("status", before.status.rawValue)
            out.member("amount_minor", before.amount.minor)
            out.member("currency", before.amount.currency.code)
            out.member("booked_on", before.bookedOn.iso)
            out.member("description", before.text)
        }
    }
}
