import Domain
import Engine
import HTTPTypes

/// The transactions that an event tells of.
enum TransactionLookups {
    struct Post: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/transactions/lookup", summary: "The transactions of an event, or by their ids.",
            example: "{\"ids\":[\"{transaction}\"]}", members: ["event_id", "ids"])

        static func handle(_ call: Call) async throws -> Reply {
            let body = call.json
            let (event, ids) = (try body.text("event_id"), try body.texts("ids"))
            let feeds = call.services.feeds
            let found: TransactionLookup
            switch (event, ids) {
            case (let event?, nil):
                found = try await feeds.lookup(event: event, in: call.environment(), as: NativeItems.transaction)
            case (nil, let ids?):
                found = try await feeds.lookup(
                    ids.map { OkraBody.id($0) }.distinct, in: call.environment(), as: NativeItems.transaction)
            case (nil, nil): throw DomainError.missing("event_id")
            default: throw DomainError.invalid("ids", "and `event_id` exclude each other.")
            }
            return Reply.json { out in
                out.object { out in
                    out.array("data") { $0.members(found.items) }
                    out.array("gone") { out in for id in found.gone { out.string(id) } }
                    out.array("freshness") { $0.members(found.freshness) }
                }
            }
        }
    }
}

extension [String] {
    /// Each once, in the same order.
    fileprivate var distinct: [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}
