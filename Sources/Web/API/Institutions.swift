import Domain
import Engine
import HTTPTypes

/// Banks, with how well they answer.
enum Institutions {
    struct List: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/institutions", summary: "The banks that can be linked, the best known first.")

        static func handle(_ call: Call) async throws -> Reply {
            let environment = try call.environment()
            let listed = await call.services.institutions.list(environment.kind, of: environment)
            return Reply.json { out in
                out.object { out in
                    out.array("data") { out in
                        for row in listed { out.object { write(row, &$0) } }
                    }
                    out.member("has_more", false)
                    out.member("next_cursor", String?.none)
                }
            }
        }
    }

    struct Get: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/institutions/{bank}", summary: "One bank, with the limits that hold for it.")

        static func handle(_ call: Call) async throws -> Reply {
            let environment = try call.environment()
            let listed = try await call.services.institutions.find(call.parameter("bank"), of: environment)
            let limits = try await call.services.institutions.limits(listed.institution, environment)
            return Reply.json { out in
                out.object { out in
                    write(listed, &out)
                    out.object("limits") { write(limits, &$0) }
                    out.object("offers") { out in
                        let offered = call.services.institutions.offers(listed.institution, environment.kind)
                        out.array("products") { out in for name in offered.products { out.string(name) } }
                        out.member("history_months_max", Int64(offered.historyMonthsMax))
                        out.member("pending", offered.reportsPending)
                        out.member("unattended", offered.isUnattended)
                        out.member("pushes", offered.pushes)
                        out.member("income", offered.income)
                        out.member("bank_statement", offered.statement)
                    }
                }
            }
        }
    }

    struct Candidates: Endpoint {
        static let route = EndpointRoute(
            method: .post, path: "/institutions/candidates", summary: "The banks that an account number may be of.",
            example: "{\"account_number\":\"0123456789\"}", members: ["account_number"])

        /// The number comes in the body: addresses are written into logs.
        static func handle(_ call: Call) async throws -> Reply {
            let body = call.json
            let found = try await call.services.institutions.candidates(
                accountNumber: try body.required("account_number"), of: call.environment())
            return Reply.json { out in
                out.object { out in
                    out.array("data") { out in
                        for candidate in found {
                            out.object { out in
                                write(candidate.listed, &out)
                                out.member("basis", candidate.basis.rawValue)
                            }
                        }
                    }
                    out.member("has_more", false)
                    out.member("next_cursor", String?.none)
                }
            }
        }
    }

    private static func write(_ row: ListedInstitution, _ out: inout JSONWriter) {
        out.member("id", row.institution.id)
        out.member("slug", row.institution.slug)
        out.member("name", row.institution.name)
        out.member("category", row.category)
        out.member("country", row.institution.country)
        out.member("cbn_code", row.institution.cbnCode)
        out.member("nip_code", row.institution.nipCode)
        out.member("ussd", row.institution.ussd)
        out.member("access", row.access.rawValue)
        out.member("health", row.healthName)
        out.member("health_since", row.healthSince)
        out.member("maintenance_until", row.maintenanceUntil)
    }

    private static func write(_ limits: InstitutionLimits, _ out: inout JSONWriter) {
        if let rate = limits.rate {
            out.object("rate") { out in
                out.member("calls", Int64(rate.calls))
                out.member("window_ms", rate.windowMs)
            }
        } else {
            out.null("rate")
        }
        out.member("concurrency", limits.concurrency.map { Int64($0) })
        out.object("calls_per_day") { out in
            out.member("total", limits.budget.total.map { Int64($0) })
            for operation in BankOperation.allCases {
                out.member(operation.name, limits.budget.each[operation].map { Int64($0) })
            }
        }
        out.member("blocked_until", limits.blockedUntil)
    }
}

extension BankOperation {
    fileprivate var name: StaticString {
        switch self {
        case .accounts: "accounts"
        case .balance: "balance"
        case .transactions: "transactions"
        case .identity: "identity"
        case .auth: "auth"
        case .income: "income"
        case .statement: "statement"
        }
    }
}
