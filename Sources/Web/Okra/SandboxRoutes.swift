import Domain
import Engine
import HTTPTypes

/// Logins of the sandbox bank, to link with.
enum SandboxRoutes {
    static let all: [OkraRoute] = [
        OkraRoute(
            .post, "sandbox/customers/list", "The logins of the sandbox bank.", example: "{\"page\":1}", place: .sandbox
        ) { call in try await list(call) },
        OkraRoute(
            .post, "customers/create", "Makes sandbox logins out of one object or an array.", example: create,
            place: .sandbox, commitsReply: true
        ) { call in
            created(
                try await call.call.services.sandbox.createCustomers(
                    call.body.value, in: call.environment(), once: call.call.once { created($0) }))
        },
        OkraRoute(
            .post, "customers/generate", "Makes up sandbox logins, to look over or at once.",
            example: "{\"number\":2,\"create\":false}", place: .sandbox, commitsReply: true
        ) { call in
            let number = Int(clamping: try call.body.integer("number") ?? 1)
            let sandbox = call.call.services.sandbox
            guard try call.body.flag("create") == true else {
                let drafts = try await sandbox.draftCustomers(number: number, in: call.environment())
                return OkraReply.reply("Customers successfully generated") { out in
                    out.array("customers") { out in
                        for draft in drafts { out.object { out in write(draft, &out) } }
                    }
                }
            }
            return created(
                try await sandbox.generateCustomers(
                    number: number, in: call.environment(), once: call.call.once { created($0) }))
        },
    ]

    private static func created(_ made: [SandboxCustomer]) -> Reply {
        OkraReply.reply("Customers successfully created", status: .created) { out in
            out.array("customers") { out in for customer in made { write(customer, &out) } }
        }
    }

    private static let create = """
        [{"noOfAccount":1,"name":"Ada Obi","bank":"access-bank","username":"ada{nonce}","password":"secret",\
        "type":"ind","volume":"low","identity":100,"internetSpeed":5}]
        """

    private static func list(_ call: OkraCall) async throws -> Reply {
        let (rows, info) = try await call.call.services.sandbox.listCustomers(call.page(), in: call.environment())
        return OkraReply.reply("Customers successfully retrieved") { out in
            OkraReply.pagination(info, paginated: &out)
            out.array("customers") { out in for row in rows { write(row, &out) } }
        }
    }

    static func get(_ call: OkraCall, _ id: String) async throws -> Reply {
        do {
            let customer = try await call.call.services.sandbox.customer(id, in: call.environment())
            var out = JSONWriter()
            write(customer, &out)
            return OkraReply.object("Customer successfully retrieved", key: "customer", out.bytes)
        } catch let error as DomainError where error.code == .notFound {
            throw DomainError.notFound("customer")
        }
    }

    static func write(_ customer: SandboxCustomer, _ out: inout JSONWriter) {
        out.object { out in
            out.member("_id", customer.id)
            write(customer.draft, &out)
            out.member("institution", customer.institution)
            out.member("created_at", customer.createdAt)
            out.member("id", customer.id)
        }
    }

    private static func write(_ draft: SandboxDraft, _ out: inout JSONWriter) {
        out.member("noOfAccount", draft.accountCount)
        out.member("name", draft.name)
        out.member("bank", draft.bank)
        out.member("username", draft.username)
        out.member("password", draft.password)
        out.member("type", draft.kind.rawValue)
        out.member("volume", draft.volume.rawValue)
        out.member("identity", draft.identity)
        out.member("internetSpeed", draft.internetSpeed)
    }
}
