import Domain
import Engine

/// Bank accounts.
enum AccountRoutes {
    static let all: [OkraRoute] = [
        OkraRoute(
            "products/accounts", "All accounts, or a customer's, or the one of an id.",
            example: "{\"page\":1,\"limit\":20,\"customer\":\"{customer}\"}"
        ) { call in
            if let id = try call.body.text("id", "account", "account_id") {
                return try await list(call, .id(OkraBody.id(id)))
            }
            if let customer = try call.body.text("customer", "customer_id") {
                return try await list(call, .customer(OkraBody.id(customer)))
            }
            return try await list(call, .all)
        },
        OkraRoute("accounts/getAccountDetails", "One account.", example: "{\"account\":\"{account}\"}") { call in
            let query = AccountQuery.id(try call.body.id("account", "account_id", "id"))
            guard let item = try await call.reads.account(query, in: call.environment(), as: OkraItems.accountDetails)
            else { throw DomainError.notFound("account") }
            return OkraReply.object("Account details successfully retrieved", key: nil, item)
        },
        OkraRoute("accounts/getById", "The account of an id.", example: "{\"id\":\"{account}\"}") { call in
            try await list(call, .id(call.body.id("id", "account", "account_id")))
        },
        OkraRoute("accounts/getByCustomer", "A customer's accounts.", example: "{\"customer\":\"{customer}\"}") {
            call in
            try await list(call, .customer(call.body.id("customer", "customer_id")))
        },
        OkraRoute("accounts/getByBank", "Accounts at a bank.", example: "{\"bank\":\"{bank}\"}") { call in
            try await list(call, .bank(call.body.required("bank", "bank_id")))
        },
        OkraRoute("accounts/getByName", "Accounts of a name.", example: "{\"name\":\"Savings Account\"}") { call in
            try await list(call, .name(call.body.required("name")))
        },
        OkraRoute("accounts/getByBalance", "The account of a balance.", example: "{\"balance\":\"{balance}\"}") {
            call in
            try await list(call, .balance(call.body.id("balance", "balance_id")))
        },
        OkraRoute("accounts/getByDate", "Accounts linked in some days.", example: AuthRoutes.days) { call in
            try await list(call, .all, needsDays: true)
        },
        OkraRoute(
            "accounts/getByCustomerDate", "A customer's accounts linked in some days.", example: AuthRoutes.customerDays
        ) { call in
            try await list(call, .customer(call.body.id("customer", "customer_id")), needsDays: true)
        },
    ]

    private static func list(_ call: OkraCall, _ query: AccountQuery, needsDays: Bool = false) async throws -> Reply {
        let found = try await call.reads.accounts(
            query, call.page(needsDays: needsDays), in: call.environment(), as: OkraItems.account)
        return OkraReply.list("Accounts retrieved successfully", key: "accounts", found)
    }
}
