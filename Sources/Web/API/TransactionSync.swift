import Domain
import Engine
import HTTPTypes

/// What changed in transactions since the caller last asked.
enum TransactionSyncs {
    struct Get: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/transactions/sync", summary: "What changed in transactions since a cursor.",
            example: "{\"count\":\"50\",\"account\":\"{account}\"}",
            query: ["cursor", "count", "account", "connection"])

        static func handle(_ call: Call) async throws -> Reply {
            try await reply(call) { name in call.query[name] }
        }
    }

    struct Post: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/transactions/sync", summary: "What changed in transactions since a cursor.",
            example: "{\"count\":50,\"connection\":\"{record}\"}",
            members: ["cursor", "count", "account", "connection"])

        static func handle(_ call: Call) async throws -> Reply {
            let body = call.json
            return try await reply(call) { name in
                name == "count" ? try body.integer(name).map { String($0) } : try body.text(name)
            }
        }
    }

    private static func reply(_ call: Call, _ value: (String) throws -> String?) async throws -> Reply {
        var filter = FeedFilter.all
        if let id = try value("connection"), !id.isEmpty { filter = .connection(OkraBody.id(id)) }
        if let id = try value("account"), !id.isEmpty {
            guard filter == .all else { throw DomainError.invalid("account", "and `connection` exclude each other.") }
            filter = .account(OkraBody.id(id))
        }
        var count = FeedService.countDefault
        if let text = try value("count"), !text.isEmpty {
            guard let number = Int(text), (1...FeedService.countMax).contains(number) else {
                throw DomainError.invalid("count", "must be 1 to \(FeedService.countMax).")
            }
            count = number
        }
        let sync = try await call.services.feeds.transactions(
            filter, from: FeedStart(value("cursor")), count: count, in: call.environment(),
            as: NativeItems.transaction)
        return Reply.json { write(sync, &$0) }
    }

    private static func write(_ sync: TransactionSync, _ out: inout JSONWriter) {
        out.object { out in
            out.array("added") { $0.members(sync.added) }
            out.array("modified") { $0.members(sync.modified) }
            out.array("removed") { out in
                for row in sync.removed {
                    out.object { out in
                        out.member("id", row.id)
                        out.member("account", row.account)
                    }
                }
            }
            out.member("has_more", sync.hasMore)
            out.member("next_cursor", sync.next)
            out.member("gap", sync.gap?.rawValue)
            out.array("freshness") { $0.members(sync.freshness) }
        }
    }
}
