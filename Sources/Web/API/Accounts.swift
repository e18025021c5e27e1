import Domain
import Engine
import HTTPTypes

/// Reads of the native API.
enum Accounts {
    struct List: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/accounts", summary: "Accounts, newest first.",
            example: "{\"customer\":\"{customer}\",\"connection\":\"{record}\"}", query: .page("customer", "connection")
        )

        static func handle(_ call: Call) async throws -> Reply {
            var query = AccountQuery.all
            if let id = call.query["connection"] { query = .record(OkraBody.id(id)) }
            if let id = call.query["customer"] { query = .customer(OkraBody.id(id)) }
            return NativePage.reply(
                try await call.services.reads.accounts(
                    query, NativePage.request(call), in: call.environment(), as: NativeItems.account))
        }
    }

    struct Get: Endpoint {
        static let route = EndpointRoute(method: .get, path: "/accounts/{account}", summary: "One account.")

        static func handle(_ call: Call) async throws -> Reply {
            let id = OkraBody.id(call.parameter("account"))
            return try NativeItems.reply(
                await call.services.reads.account(.id(id), in: call.environment(), as: NativeItems.account),
                "account")
        }
    }

    struct Transactions: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/accounts/{account}/transactions", summary: "An account's transactions, newest first.",
            example: "{\"limit\":\"50\",\"from\":\"2024-01-01\"}", query: .page("from"))

        static func handle(_ call: Call) async throws -> Reply {
            let page = try NativePage(call.query)
            var cursor = TransactionCursor.newest
            if let text = page.cursor {
                guard let parsed = TransactionCursor(text) else {
                    throw DomainError.invalid("cursor", "must be the `next_cursor` of a reply.")
                }
                cursor = parsed
            }
            let found = try await call.services.reads.transactions(
                account: OkraBody.id(call.parameter("account")), after: cursor, limit: page.limit,
                from: OkraBody(query: call.query).day("from"), in: call.environment(), as: NativeItems.transaction)
            guard let found else { throw DomainError.notFound("account") }
            return NativePage.reply(found.items, next: found.next?.text, freshness: found.freshness)
        }
    }
}

/// Logins at banks.
enum Connections {
    struct List: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/connections", summary: "Connections, newest first.",
            example: "{\"customer\":\"{customer}\"}", query: .page("customer"))

        static func handle(_ call: Call) async throws -> Reply {
            let query = call.query["customer"].map { RecordQuery.customer(OkraBody.id($0)) } ?? .all
            return NativePage.reply(
                try await call.services.reads.records(
                    query, NativePage.request(call), in: call.environment(), as: NativeItems.connection))
        }
    }

    struct Get: Endpoint {
        static let route = EndpointRoute(method: .get, path: "/connections/{record}", summary: "One connection.")

        static func handle(_ call: Call) async throws -> Reply {
            let found = try await call.services.reads.records(
                .id(OkraBody.id(call.parameter("record"))), PageRequest(limit: 1), in: call.environment(),
                as: NativeItems.connection)
            return try NativeItems.reply(found, "connection")
        }
    }

    struct Remove: Endpoint {
        static let route = EndpointRoute(
            method: .delete, path: "/connections/{record}", summary: "Ends a connection and removes all its data.",
            isLong: true, commitsReply: true)

        static func handle(_ call: Call) async throws -> Reply {
            try await call.services.connections.remove(
                OkraBody.id(call.parameter("record")), in: call.environment(), once: call.onceDone())
            return .noContent
        }
    }
}

/// People.
enum Customers {
    struct Remove: Endpoint {
        static let route = EndpointRoute(
            method: .delete, path: "/customers/{customer}",
            summary: "Removes a person: all their connections with all their data.", isLong: true, commitsReply: true)

        static func handle(_ call: Call) async throws -> Reply {
            try await call.services.connections.removeCustomer(
                OkraBody.id(call.parameter("customer")), in: call.environment(), once: call.onceDone())
            return .noContent
        }
    }
}
