import Domain
import Engine

/// The people who linked their accounts.
enum CustomerRoutes {
    static let all: [OkraRoute] = [
        OkraRoute("customers/list", "All customers who linked an account.", example: "{\"page\":1}") { call in
            try await list(call, .all)
        },
        OkraRoute("customers/get", "One customer, by id or BVN.", example: "{\"customer\":\"{customer}\"}") { call in
            let query = try query(call.body)
            let found = try await call.reads.customers(
                query, PageRequest(limit: 1), in: call.environment(), as: OkraItems.customer)
            if !found.items.isEmpty {
                return OkraReply.object("Customer successfully retrieved", key: "customer", found.items)
            }
            guard call.kind == .sandbox, case .id(let id) = query else { throw DomainError.notFound("customer") }
            return try await SandboxRoutes.get(call, id)
        },
        OkraRoute(
            "customers/find-customers-by", "Customers by name or BVN.",
            example: "{\"key\":\"name\",\"value\":\"Ada Obi\"}"
        ) { call in
            let value = try call.body.required("value")
            switch try call.body.required("key").lowercased() {
            case "name": return try await list(call, .name(value))
            case "bvn": return try await list(call, .bvn(value))
            case "id", "_id", "customer": return try await list(call, .id(OkraBody.id(value)))
            default:
                throw DomainError(
                    .notYet, "`key` can be name, bvn or id; other keys are not offered yet.", field: "key")
            }
        },
    ]

    private static func query(_ body: OkraBody) throws -> CustomerQuery {
        if let id = try body.text("customer", "customer_id", "id") { return .id(OkraBody.id(id)) }
        guard let type = try body.text("type") else { throw DomainError.missing("customer") }
        guard type.lowercased() == "bvn" else {
            throw DomainError(.notYet, "`type` can be bvn; other kinds of ids are not offered yet.", field: "type")
        }
        return .bvn(try body.required("value"))
    }

    private static func list(_ call: OkraCall, _ query: CustomerQuery) async throws -> Reply {
        let found = try await call.reads.customers(
            query, call.page(), in: call.environment(), as: OkraItems.customer)
        return OkraReply.list("Customers successfully retrieved", key: "customers", found)
    }
}

/// Records: one login at one bank each.
enum RecordRoutes {
    static let all: [OkraRoute] = [
        OkraRoute("products/records", "All records.", example: "{\"page\":1,\"limit\":20}") { call in
            let found = try await call.reads.records(.all, call.page(), in: call.environment(), as: OkraItems.record)
            return OkraReply.list("Records successfully sent!", key: "records", found)
        },
        OkraRoute("products/records/get", "One record.", example: "{\"record_id\":\"{record}\"}") { call in
            let found = try await call.reads.records(
                .id(call.body.id("record_id", "record", "id")), PageRequest(limit: 1), in: call.environment(),
                as: OkraItems.record)
            guard !found.items.isEmpty else { throw DomainError.notFound("record") }
            return OkraReply.reply("Records successfully sent!") { out in
                out.null("pagination")
                out.key("records")
                out.raw(found.items)
            }
        },
    ]
}
