import Domain
import Engine
import HTTPTypes

/// What is in the accounts.
enum BalanceRoutes {
    static let all: [OkraRoute] = [
        OkraRoute("products/balances", "All balances.", example: "{\"page\":1,\"limit\":20}") { call in
            let found = try await call.reads.accounts(
                .all, call.page(), in: call.environment(), as: OkraItems.listedBalance)
            return OkraReply.list("Balance retrieved successfully", key: "balances", found)
        },
        OkraRoute("balance/getById", "One balance.", example: "{\"id\":\"{balance}\"}") { call in
            let query = AccountQuery.balance(try call.body.id("id", "balance", "balance_id"))
            guard let item = try await call.reads.account(query, in: call.environment(), as: form(call)) else {
                throw DomainError.notFound("balance")
            }
            return OkraReply.object("Balance retrieved successfully", key: "balance", item)
        },
        OkraRoute("balance/getByCustomer", "A customer's balances.", example: "{\"customer\":\"{customer}\"}") { call in
            try await list(call, .customer(call.body.id("customer", "customer_id")))
        },
        OkraRoute("balance/getByAccount", "An account's balance.", example: "{\"account\":\"{account}\"}") { call in
            try await list(call, .id(call.body.id("account", "account_id")))
        },
        OkraRoute("balance/getByDate", "Balances of accounts linked in some days.", example: AuthRoutes.days) { call in
            try await list(call, .all, needsDays: true)
        },
        OkraRoute(
            "balance/getByCustomerDate", "A customer's balances of accounts linked in some days.",
            example: AuthRoutes.customerDays
        ) { call in
            try await list(call, .customer(call.body.id("customer", "customer_id")), needsDays: true)
        },
        OkraRoute(
            "balance/getByType", "Balances of exactly an amount.",
            example: "{\"type\":\"ledger_balance\",\"value\":1500.5}"
        ) { call in
            let type = try call.body.required("type")
            guard let minor = try call.body.amount("value", "amount") else { throw DomainError.missing("value") }
            switch type {
            case "ledger_balance": return try await list(call, .ledger(minor))
            case "available_balance": return try await list(call, .available(minor))
            default: throw DomainError.invalid("type", "must be `ledger_balance` or `available_balance`.")
            }
        },
        OkraRoute(
            .post, "balance/refresh", "Asks the bank for an account's balance now.",
            example: "{\"account_id\":\"{account}\"}", isLong: true, commitsReply: true
        ) { try await $0.refresh("Balance checking...", method: "BALANCE", products: [.balance]) },
        OkraRoute(
            .post, "balance/check", "Asks the bank for an account's balance now.",
            example: "{\"account_id\":\"{account}\",\"record_id\":\"{record}\"}", isLong: true, commitsReply: true
        ) { try await $0.refresh("Balance checking...", method: "CHECK_BALANCE", products: [.balance], isCheck: true) },
        OkraRoute(
            .post, "products/balance/periodic", "Asks the bank for an account's balance now.",
            example: "{\"account_id\":\"{account}\",\"record_id\":\"{record}\",\"currency\":\"NGN\"}", isLong: true,
            commitsReply: true
        ) { try await $0.refresh("Balance checking...", method: "PERIODIC_BALANCE", products: [.balance]) },
    ]

    private static func form(_ call: OkraCall) throws -> ItemForm {
        try call.body.flag("includePeriodic") == false ? OkraItems.balanceAlone : OkraItems.balance
    }

    private static func list(_ call: OkraCall, _ query: AccountQuery, needsDays: Bool = false) async throws -> Reply {
        let found = try await call.reads.accounts(
            query, call.page(needsDays: needsDays), in: call.environment(), as: form(call))
        return OkraReply.list("Balance retrieved successfully", key: "balance", found)
    }
}
