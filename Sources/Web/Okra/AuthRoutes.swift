import Domain
import Engine

/// Proof that a login belongs to a person: one auth a record.
enum AuthRoutes {
    static let all: [OkraRoute] = [
        OkraRoute("products/auths", "All auths.", example: "{\"page\":1,\"limit\":20}") { call in
            try await list(call, .all, form: OkraItems.listedAuth)
        },
        OkraRoute("auth/getById", "The auth of an id.", example: "{\"id\":\"{auth}\"}") { call in
            try await list(call, .auth(call.body.id("id", "auth")))
        },
        OkraRoute("auth/getByCustomer", "A customer's auths.", example: "{\"customer\":\"{customer}\"}") { call in
            try await list(call, .customer(call.body.id("customer", "customer_id")))
        },
        OkraRoute("auth/getByDate", "Auths made in some days.", example: days) { call in
            try await list(call, .all, needsDays: true)
        },
        OkraRoute("auth/getByCustomerDate", "A customer's auths made in some days.", example: customerDays) { call in
            try await list(call, .customer(call.body.id("customer", "customer_id")), needsDays: true)
        },
        OkraRoute("auth/getByBank", "Auths at a bank, given by id or slug.", example: "{\"bank\":\"{bank}\"}") { call in
            try await list(call, .bank(call.body.required("bank", "bank_id")))
        },
    ]

    static let days = "{\"from\":\"2024-01-01\",\"to\":\"2024-12-31\"}"
    static let customerDays = "{\"customer\":\"{customer}\",\"from\":\"2024-01-01\",\"to\":\"2024-12-31\"}"

    private static func list(
        _ call: OkraCall, _ query: RecordQuery, needsDays: Bool = false, form: ItemForm = OkraItems.auth
    ) async throws -> Reply {
        let found = try await call.reads.records(
            query, call.page(needsDays: needsDays), in: call.environment(), as: form)
        return OkraReply.list("Auth retrieved successfully", key: "auths", found)
    }
}
