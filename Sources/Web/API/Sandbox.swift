import Domain
import Engine
import HTTPTypes

/// What only the sandbox has.
enum Sandbox {
    struct Clock: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/sandbox/clock", summary: "The environment's time, and an advance under way.")

        static func handle(_ call: Call) async throws -> Reply {
            try call.services.sandbox.requireSandbox(call.environment())
            return reply(try await call.services.sandbox.clock(call.environment()))
        }
    }

    struct Advance: Endpoint {
        /// So long an advance may take before it is answered as still running.
        static let waitMs: Int64 = 20_000

        static let route = EndpointRoute(
            method: .post, path: "/sandbox/clock/advance", summary: "Moves the clock; what falls due happens.",
            example: "{\"days\":1,\"hours\":0,\"minutes\":0,\"seconds\":0,\"wait_seconds\":0}", isLong: true,
            commitsReply: true, members: ["days", "hours", "minutes", "seconds", "wait_seconds"])

        private static let units: [(name: String, ms: Int64)] = [
            ("days", Instant.dayMs), ("hours", 3_600_000), ("minutes", 60_000), ("seconds", 1000),
        ]

        static func handle(_ call: Call) async throws -> Reply {
            let body = call.json
            var ms: Int64 = 0
            for (name, unit) in units {
                guard let number = try body.integer(name) else { continue }
                guard (0...1_000_000_000).contains(number) else {
                    throw DomainError.invalid(name, "must be 0 or more; clocks only move forward.")
                }
                ms += number * unit
            }
            guard ms > 0 else { throw DomainError.missing("days") }
            let wait = min(max(try body.integer("wait_seconds") ?? 0, 0), waitMs / 1000) * 1000
            return reply(
                try await call.services.sandbox.advance(
                    call.environment(), byMs: ms, waitMs: wait, once: call.once { reply($0, status: .accepted) }),
                status: .accepted)
        }
    }

    struct PostTransaction: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/sandbox/transactions", summary: "Posts a transaction at the sandbox bank now.",
            example: """
                {"username":"ada","account":"0123456789","institution":"access-bank","amount_minor":150000,\
                "narration":"Salary","channel":"nip"}
                """, isLong: true, commitsReply: true,
            members: [
                "username", "account", "institution", "amount_minor", "narration", "channel",
            ])

        static func handle(_ call: Call) async throws -> Reply {
            let body = call.json
            guard let amount = try body.integer("amount_minor") else { throw DomainError.missing("amount_minor") }
            let posting = Posting(
                username: try body.text("username"), accountNumber: try body.text("account"),
                institution: try body.text("institution"), amountMinor: amount,
                narration: try body.text("narration") ?? "Sandbox transaction", channel: try body.text("channel"))
            return reply(
                try await call.services.sandbox.post(posting, in: call.environment(), once: call.once { reply($0) }))
        }

        private static func reply(_ posted: PostedView) -> Reply {
            Reply.json(status: .created) { out in
                out.object { out in
                    out.member("bank_transaction", posted.transactionID)
                    out.member("institution", posted.institution)
                    out.member("username", posted.username)
                    out.member("account_number", posted.accountNumber)
                    out.member("amount_minor", posted.amountMinor)
                    out.member("balance_minor", posted.balanceMinor)
                    out.member("posted_at", posted.postedAt)
                    out.member("pushes", posted.pushes)
                }
            }
        }
    }

    struct CreateCustomers: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/sandbox/customers", summary: "Makes logins at the sandbox bank.",
            example: """
                {"customers":[{"noOfAccount":1,"name":"Ada Obi","bank":"access-bank","username":"ada{nonce}",\
                "password":"secret","type":"ind","volume":"low","identity":100,"internetSpeed":5}]}
                """, commitsReply: true, members: .any)

        static func handle(_ call: Call) async throws -> Reply {
            let body = call.json
            let order = body.value("customers") ?? .object(body.members)
            return reply(
                try await call.services.sandbox.createCustomers(
                    order, in: call.environment(), once: call.once { reply($0) }))
        }

        private static func reply(_ made: [SandboxCustomer]) -> Reply {
            Reply.json(status: .created) { out in
                out.object { out in
                    out.array("data") { out in for customer in made { SandboxRoutes.write(customer, &out) } }
                }
            }
        }
    }

    struct ListCustomers: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/sandbox/customers", summary: "Logins of the sandbox bank, newest first.",
            query: .page())

        static func handle(_ call: Call) async throws -> Reply {
            let page = try NativePage(call.query)
            let (rows, info) = try await call.services.sandbox.listCustomers(
                page.pageRequest(), in: call.environment())
            var out = JSONWriter()
            for row in rows { SandboxRoutes.write(row, &out) }
            return NativePage.reply(Listing(info: info, items: out.bytes))
        }
    }

    private static func reply(_ view: ClockView, status: HTTPResponse.Status = .ok) -> Reply {
        Reply.json(status: status) { out in
            out.object { out in
                out.member("now", view.now)
                out.member("target", view.target)
                out.member("is_advancing", view.isAdvancing)
                out.member("runs", view.runs)
            }
        }
    }
}
