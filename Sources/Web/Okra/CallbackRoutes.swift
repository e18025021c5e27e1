import Domain
import Engine
import HTTPTypes

/// Pulls what a webhook told of, or what an operation that answers later has brought.
enum CallbackRoutes {
    /// Okra's methods and what each shows.
    private enum Part: String { case auth, accounts, balance, transactions = "transaction", identity }

    private static let parts: [String: Part] = [
        "AUTH": .auth, "ACCOUNTS": .accounts, "BALANCE": .balance, "CHECK_BALANCE": .balance,
        "PERIODIC_BALANCE": .balance, "TRANSACTIONS": .transactions, "PERIODIC_TRANSACTIONS": .transactions,
        "REFRESH_TRANSACTIONS": .transactions, "IDENTITY": .identity,
    ]

    static let all: [OkraRoute] = [
        OkraRoute(
            .get, "callback", "The result of a product for a record; ask until `status.process.completed`.",
            example: "{\"record\":\"{record}\",\"method\":\"BALANCE\"}"
        ) { call in
            let method = try call.body.required("method").uppercased()
            let record = try call.body.id("record", "record_id")
            let part = try part(method)
            guard let facts = try await call.reads.connection(record, in: call.environment()) else {
                throw DomainError.notFound("record")
            }
            return try await reply(call, part, method, facts)
        },
        OkraRoute(
            .post, "callback/trigger", "Sends the last webhook of each product of records again.",
            example: "{\"recordIds\":[\"{record}\"],\"method\":\"BALANCE\"}", commitsReply: true
        ) { call in
            let ids = try recordIDs(call.body)
            let product = try call.body.text("method").map { try productName($0.uppercased()) }
            return reply(
                try await call.call.services.replays.trigger(
                    ids, product: product, url: call.body.text("url", "callback_url"), in: call.environment(),
                    once: call.call.once { reply($0) }))
        },
    ]

    private static func part(_ method: String) throws -> Part {
        if let part = parts[method] { return part }
        if method == income {
            throw DomainError(
                .notYet,
                "Income is not offered in this form. Read it by `GET /api/v1/accounts/{account}/income`, to which "
                    + "`query` of its webhook leads.", field: "method")
        }
        throw DomainError.invalid("method", "must be one of: \(parts.keys.sorted().joined(separator: ", ")).")
    }

    private static let income = "INCOME"

    /// As types of events begin.
    private static func productName(_ method: String) throws -> String {
        if method == income { return "income" }
        guard let part = parts[method] else {
            let known = (parts.keys + [income]).sorted().joined(separator: ", ")
            throw DomainError.invalid("method", "must be one of: \(known).")
        }
        return part.rawValue
    }

    // MARK: sending again

    /// A list, or one id; in forms with commas between them.
    private static func recordIDs(_ body: OkraBody) throws -> [String] {
        let names = ["recordIds", "record_ids", "records", "recordId", "record_id", "record"]
        switch body.raw(names) {
        case nil: throw DomainError.missing("recordIds")
        case .array(let elements):
            return try elements.map { element in
                guard let text = element.text, text.utf8.count <= 100 else {
                    throw DomainError.invalid("recordIds", "must be a list of records' ids.")
                }
                return text.trimmed.lowercased()
            }
        case .string(let text):
            return text.split(separator: ",").map { String($0).trimmed.lowercased() }
        default: throw DomainError.invalid("recordIds", "must be a list of records' ids.")
        }
    }

    private static func reply(_ triggered: Triggered) -> Reply {
        OkraReply.reply("Callbacks triggered") { out in
            out.array("events") { out in
                for one in triggered.sent {
                    out.object { out in
                        out.member("record", one.record)
                        out.member("event", one.type)
                        out.member("event_id", one.eventID)
                        out.member("account", one.account)
                    }
                }
            }
            out.array("unknown") { out in for id in triggered.unknown { out.string(id) } }
            out.array("replays") { out in for replay in triggered.replays { out.string(replay.id) } }
        }
    }

    // MARK: pulling

    private static func reply(
        _ call: OkraCall, _ part: Part, _ method: String, _ facts: ConnectionFacts
    ) async throws -> Reply {
        let members = try await members(call, part, facts)
        return OkraReply.reply("Callback successfully retrieved") { out in
            out.members(members)
            out.member("product", method)
            out.member("record", facts.id)
            out.key("products")
            OkraForms().usedProducts(facts, &out)
            out.object("status") { out in
                out.object("transactions") { out in
                    out.member("last_success_at", facts.lastSuccessAt)
                    out.member("last_fail_at", facts.lastFailAt)
                }
                out.member("last_callback", facts.lastSuccessAt)
                out.object("process") { out in
                    out.member("running", facts.isRunning)
                    out.member("completed", !facts.isRunning)
                }
            }
        }
    }

    /// The product's members of `data`, without braces.
    private static func members(_ call: OkraCall, _ part: Part, _ facts: ConnectionFacts) async throws -> [UInt8] {
        let environment = try call.environment()
        let page = try call.page()
        switch part {
        case .auth:
            let found = try await call.reads.records(
                .id(facts.id), PageRequest(limit: 1), in: environment, as: OkraItems.callbackAuth)
            return Array("\"auth\":".utf8) + found.items + freshness(found)
        case .accounts:
            let found = try await call.reads.accounts(
                .record(facts.id), page, in: environment, as: OkraItems.account)
            return list("accounts", found)
        case .balance:
            let found = try await call.reads.accounts(
                .record(facts.id), page, in: environment, as: OkraItems.listedBalance)
            let first = try await call.reads.accounts(
                .record(facts.id), PageRequest(limit: 1), in: environment, as: OkraItems.listedBalance)
            return Array("\"balance\":".utf8) + object(first.items) + [UInt8(ascii: ",")] + list("balances", found)
        case .transactions:
            let found = try await call.reads.transactions(
                .record(facts.id), page, in: environment, as: OkraItems.transaction)
            return list("transactions", found)
        case .identity:
            let found = try await call.reads.identities(
                .record(facts.id), PageRequest(limit: 1), in: environment, as: OkraItems.identity)
            return Array("\"identity\":".utf8) + object(found.items) + freshness(found)
        }
    }

    private static func object(_ item: [UInt8]) -> [UInt8] { item.isEmpty ? Array("{}".utf8) : item }

    private static func list(_ key: String, _ listing: Listing) -> [UInt8] {
        var out = JSONWriter()
        OkraReply.pagination(listing.info, &out)
        return Array("\"pagination\":".utf8) + out.bytes + Array(",\"\(key)\":[".utf8) + listing.items
            + [UInt8(ascii: "]")] + freshness(listing)
    }

    private static func freshness(_ listing: Listing) -> [UInt8] {
        Array(",\"freshness\":[".utf8) + listing.freshness + [UInt8(ascii: "]")]
    }
}
