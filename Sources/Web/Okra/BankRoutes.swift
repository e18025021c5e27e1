import Domain
import Engine
import HTTPTypes

/// Institutions, for everyone to see.
enum BankRoutes {
    static let all: [OkraRoute] = [
        OkraRoute(
            .get, "banks/list", "The institutions that can be linked.", example: "{\"page\":\"1\",\"limit\":\"500\"}",
            access: .open
        ) { call in
            let institutions = await listed(call)
            let isPaged = try call.body.text("page", "limit") != nil
            let page =
                isPaged
                ? try call.page() : PageRequest(page: 1, limit: PageRequest.limitMax)
            let shown = institutions.dropFirst(Int(page.skip)).prefix(page.limit)
            return OkraReply.reply(message(institutions.count, call.kind)) { out in
                OkraReply.pagination(PageInfo(total: Int64(institutions.count), of: page), paginated: &out)
                out.array("banks") { out in for institution in shown { write(institution, &out) } }
            }
        },
        OkraRoute(
            .get, "banks/getById", "One institution, by id or slug.", example: "{\"id\":\"{bank}\"}", access: .open
        ) { call in
            let name = try call.body.required("id", "bank")
            guard let institution = call.reads.findInstitution(name) else {
                guard ID<Institution>(name) != nil else {
                    throw DomainError(.unknownInstitution, "`id` must be the id or the slug of a bank.", field: "id")
                }
                throw DomainError.notFound("bank")
            }
            guard let row = await listed(call).first(where: { $0.institution == institution }) else {
                throw DomainError.notFound("bank")
            }
            var out = JSONWriter()
            write(row, &out)
            return OkraReply.object("Bank successfully retrieved", key: nil, out.bytes)
        },
    ]

    /// By name, as they always came. With a key the health is that of its environment: each sandbox has its own.
    private static func listed(_ call: OkraCall) async -> [ListedInstitution] {
        let rows = await call.call.services.institutions.list(call.kind, of: await environment(call))
        let byName = Dictionary(uniqueKeysWithValues: rows.map { ($0.institution.slug, $0) })
        return call.reads.institutions(call.kind).compactMap { byName[$0.slug] }
    }

    /// The list is for everyone, so a key that is wrong is as none.
    private static func environment(_ call: OkraCall) async -> Domain.Environment? {
        guard let bearer = Call.bearer(call.call.headers) else { return nil }
        do {
            return try await call.call.services.keys.authenticate(bearer: bearer, route: call.kind).environment
        } catch {
            return nil
        }
    }

    private static func message(_ count: Int, _ kind: EnvironmentKind) -> String {
        guard count == 0 else { return "Banks successfully retrieved" }
        return "No bank can be linked in \(kind.rawValue): this server has no connector for it yet"
    }

    private static func write(_ row: ListedInstitution, _ out: inout JSONWriter) {
        let institution = row.institution
        out.object { out in
            out.member("id", institution.id)
            out.member("_id", institution.id)
            out.member("name", institution.name)
            out.member("slug", institution.slug)
            for name: StaticString in ["icon", "logo", "v2_icon", "v2_logo"] { out.null(name) }
            out.array("products") { out in
                for name in Product.allCases.map(\.rawValue) + ["periodic-transactions", "periodic-balance"] {
                    out.string(name)
                }
            }
            out.raw("colors", OkraForms.colors)
            for name: StaticString in [
                "secret_question_or_otp", "secret_question_or_otp_mobile", "secret_question_or_otp_corp",
            ] { out.member(name, true) }
            payments(&out)
            out.member("ussd", institution.ussd)
            out.array("countries") { $0.string(institution.country) }
            out.member("corporate", true)
            out.member("individual", true)
            out.member("status", row.healthName)
            out.member("sortcode", institution.sortCode)
            out.member("bank_code", institution.cbnCode)
            out.member("nip_code", institution.nipCode)
        }
    }

    private static func payments(_ out: inout JSONWriter) {
        out.object("payments") { out in
            for name: StaticString in ["ind", "corp", "mobile", "ussd"] {
                out.raw(name, #"{"exists":false,"recurring":false,"save_bene":false}"#)
            }
        }
    }
}
