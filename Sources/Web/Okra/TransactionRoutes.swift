import Domain
import Engine
import HTTPTypes

/// Money in and out.
enum TransactionRoutes {
    static let all: [OkraRoute] = [
        OkraRoute("products/transactions", "How many transactions each record has.", example: "{\"page\":1}") { call in
            let found = try await call.reads.records(.all, call.page(), in: call.environment(), as: OkraItems.summary)
            return OkraReply.list("Transactions retrieved successfully", key: "trans", found)
        },
        OkraRoute("transactions/getById", "The transaction of an id.", example: "{\"id\":\"{transaction}\"}") { call in
            let page = try call.page()
            let item = try await call.reads.transaction(
                call.body.id("id", "transaction", "transaction_id"), in: call.environment(), as: OkraItems.transaction)
            let info = PageInfo(total: item == nil ? 0 : 1, of: page)
            return reply(Listing(info: info, items: page.skip == 0 ? item ?? [] : []))
        },
        OkraRoute("transactions/getByCustomer", "A customer's transactions.", example: customer) { call in
            try await list(call, .customer(call.body.id("customer", "customer_id")))
        },
        OkraRoute("transactions/getByAccount", "An account's transactions.", example: account) { call in
            try await list(call, .account(call.body.id("account", "account_id")))
        },
        OkraRoute("transactions/getByBank", "Transactions at a bank.", example: "{\"bank\":\"{bank}\"}") { call in
            try await list(call, .bank(call.body.required("bank", "bank_id")))
        },
        OkraRoute("transactions/getByNuban", "An account number's transactions.", example: "{\"nuban\":\"{nuban}\"}") {
            call in
            try await list(call, .number(call.body.required("nuban")))
        },
        OkraRoute("transactions/getByDate", "Transactions of some days.", example: AuthRoutes.days) { call in
            try await list(call, .all, needsDays: true)
        },
        OkraRoute(
            "transactions/getByCustomerDate", "A customer's transactions of some days.",
            example: AuthRoutes.customerDays
        ) { call in
            try await list(call, .customer(call.body.id("customer", "customer_id")), needsDays: true)
        },
        OkraRoute(
            "transactions/getByType", "Credits or debits, all or of exactly an amount.",
            example: "{\"type\":\"debit\",\"value\":1500.5}"
        ) { call in try await list(call, .amount(amounts(call.body))) },
        OkraRoute("transactions/byRecord", "A record's transactions.", example: "{\"record_id\":\"{record}\"}") {
            call in
            try await list(call, .record(call.body.id("record_id", "record")))
        },
        OkraRoute(
            .post, "transactions/refresh", "Asks the bank for new transactions now.",
            example: "{\"account_id\":\"{account}\"}", isLong: true, commitsReply: true
        ) { try await refresh($0, method: "REFRESH_TRANSACTIONS") },
        OkraRoute(
            .post, "products/transactions/periodic", "Asks the bank for new transactions now.",
            example: "{\"account_id\":\"{account}\",\"record_id\":\"{record}\",\"currency\":\"NGN\"}", isLong: true,
            commitsReply: true
        ) { try await refresh($0, method: "PERIODIC_TRANSACTIONS") },
    ]

    private static let customer = "{\"customer\":\"{customer}\",\"page\":1,\"limit\":20}"
    private static let account = "{\"account\":\"{account}\",\"page\":1,\"limit\":20}"

    private static func refresh(_ call: OkraCall, method: String) async throws -> Reply {
        try await call.refresh("Transactions processing...", method: method, products: [.transactions])
    }

    private static func list(
        _ call: OkraCall, _ query: TransactionQuery, needsDays: Bool = false
    ) async throws -> Reply {
        let page = try call.page(needsDays: needsDays)
        return reply(
            try await call.reads.transactions(query, page, in: call.environment(), as: OkraItems.transaction))
    }

    private static func reply(_ listing: Listing) -> Reply {
        OkraReply.list("Transactions retrieved successfully", key: "transaction", listing)
    }

    private static func amounts(_ body: OkraBody) throws -> ClosedRange<Int64> {
        let type = try body.required("type").lowercased()
        guard type == "credit" || type == "debit" else { throw DomainError.invalid("type", "must be credit or debit.") }
        guard let minor = try body.amount("value", "amount") else {
            return type == "credit" ? 0...Int64.max : Int64.min...(-1)
        }
        guard minor >= 0 else { throw DomainError.invalid("value", "is an amount without a sign.") }
        return type == "credit" ? minor...minor : -minor...(-minor)
    }
}
