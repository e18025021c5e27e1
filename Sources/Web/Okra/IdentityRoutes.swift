import Domain
import Engine

/// What banks know of people.
enum IdentityRoutes {
    static let all: [OkraRoute] = [
        OkraRoute("products/identities", "All identities.", example: "{\"page\":1,\"limit\":20}") { call in
            try await list(call, .all, key: "identities")
        },
        OkraRoute("identity/getById", "The identity of an id.", example: "{\"id\":\"{identity}\"}") { call in
            try await list(call, .id(call.body.id("id", "identity")))
        },
        OkraRoute("identity/getByCustomer", "A customer's identities.", example: "{\"customer\":\"{customer}\"}") {
            call in
            try await list(call, .customer(call.body.id("customer", "customer_id")))
        },
        OkraRoute("identity/getByDate", "Identities first read in some days.", example: AuthRoutes.days) { call in
            try await list(call, .all, needsDays: true)
        },
        OkraRoute(
            "identity/getByCustomerDate", "A customer's identities first read in some days.",
            example: AuthRoutes.customerDays
        ) { call in
            try await list(call, .customer(call.body.id("customer", "customer_id")), needsDays: true)
        },
        OkraRoute("identity/getByBvn", "Who has a BVN.", example: "{\"bvn\":\"{bvn}\"}") { call in
            try await one(call, .bvn(call.body.required("bvn")))
        },
        OkraRoute("identity/getByNuban", "Who has an account number.", example: "{\"nuban\":\"{nuban}\"}") { call in
            try await one(call, .number(call.body.required("nuban")))
        },
    ]

    private static func list(
        _ call: OkraCall, _ query: IdentityQuery, needsDays: Bool = false, key: StaticString = "identity"
    ) async throws -> Reply {
        let found = try await call.reads.identities(
            query, call.page(needsDays: needsDays), in: call.environment(), as: OkraItems.identity)
        return OkraReply.list("Identity retrieved successfully", key: key, found)
    }

    private static func one(_ call: OkraCall, _ query: IdentityQuery) async throws -> Reply {
        let found = try await call.reads.identities(
            query, PageRequest(limit: 1), in: call.environment(), as: OkraItems.identity)
        guard !found.items.isEmpty else { throw DomainError.notFound("identity") }
        return OkraReply.object("Identity retrieved successfully", key: nil, found.items)
    }
}
