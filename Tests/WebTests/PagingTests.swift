import Domain
import Engine
import HTTPTypes
import Storage
import TestKit
import Testing
import Web

@Suite("Pages")
struct PagingTests {
    @Test("the pagination object counts as mongoose-paginate does")
    func arithmetic() {
        let empty = PageInfo(total: 0, of: PageRequest(page: 1, limit: 20))
        #expect((empty.pages, empty.previous, empty.next, empty.firstNumber) == (1, nil, nil, 1))
        let first = PageInfo(total: 41, of: PageRequest(page: 1, limit: 20))
        #expect((first.pages, first.previous, first.next, first.firstNumber) == (3, nil, 2, 1))
        let last = PageInfo(total: 41, of: PageRequest(page: 3, limit: 20))
        #expect((last.pages, last.previous, last.next, last.firstNumber) == (3, 2, nil, 41))
        let exact = PageInfo(total: 40, of: PageRequest(page: 2, limit: 20))
        #expect((exact.pages, exact.previous, exact.next) == (2, 1, nil))
        let beyond = PageInfo(total: 41, of: PageRequest(page: 9, limit: 20))
        #expect((beyond.pages, beyond.previous, beyond.next) == (3, 8, nil))
    }

    @Test("the pages of every list are the list: newest first, whole, nothing twice, whatever their size")
    func everyPage() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                for (name, member) in [
                    ("getByAccount", "account"), ("getByCustomer", "customer"), ("byRecord", "record"),
                    ("getByBank", "bank"), ("getByNuban", "nuban"),
                ] {
                    let all = try await walk(server, name, member, limit: 1000, days: "")
                    try #require(all.ids.count > 40, "\(name) has \(all.ids.count)")
                    #expect(Set(all.ids).count == all.ids.count)
                    #expect(all.days == all.days.sorted(by: >))
                    for limit in [7, 20, 33] {
                        let paged = try await walk(server, name, member, limit: limit, days: "")
                        #expect(paged.ids == all.ids, "\(name) by \(limit)")
                    }
                    let from = all.days[all.days.count * 2 / 3].prefix(10)
                    let to = all.days[all.days.count / 3].prefix(10)
                    let some = try await walk(
                        server, name, member, limit: 11, days: ",\"from\":\"\(from)\",\"to\":\"\(to)\"")
                    let expected = zip(all.ids, all.days).filter { $0.1.prefix(10) >= from && $0.1.prefix(10) <= to }
                    #expect(some.ids == expected.map(\.0), "\(name) from \(from) to \(to)")
                }
            }
        }
    }

    private func walk(
        _ server: Server, _ name: String, _ member: String, limit: Int, days: String
    ) async throws -> (ids: [String], days: [String]) {
        var found: (ids: [String], days: [String]) = ([], [])
        var page: Int64 = 1
        while true {
            let field = member == "record" ? "record_id" : member
            let answer = try await server.post(
                "transactions/\(name)", "{\"\(field)\":\"{\(member)}\",\"limit\":\(limit),\"page\":\(page)\(days)}")
            let rows = answer.list("transaction")
            found.ids += rows.compactMap { $0["_id"]?.text }
            found.days += rows.compactMap { $0["trans_date"]?.text }
            let pagination = answer.data["pagination"] ?? .null
            #expect(pagination["page"] == .integer(page))
            #expect(pagination["hasPrevPage"] == .bool(page > 1))
            guard pagination["hasNextPage"] == true, case .integer(let next)? = pagination["nextPage"] else {
                #expect(pagination["totalDocs"] == .integer(Int64(found.ids.count)))
                #expect(pagination["nextPage"] == .null)
                return found
            }
            page = next
        }
    }

    @Test("a page behind the last one is empty and says where the list ends")
    func beyond() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                for name in ["products/accounts", "products/transactions", "products/auths", "products/identities"] {
                    let answer = try await server.post(name, "{\"page\":50}")
                    #expect(answer.status == 200)
                    #expect(answer.data["pagination"]?["hasNextPage"] == false)
                    #expect(answer.data["pagination"]?["prevPage"] == 49)
                    let lists = answer.data.members?.values.compactMap(\.elements) ?? []
                    #expect(lists.allSatisfy { $0.isEmpty }, "\(answer.text)")
                }
            }
        }
    }

    @Test("a native cursor walks an account's transactions once each")
    func cursor() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                let whole = try await walk(server, "getByAccount", "account", limit: 1000, days: "")
                var ids: [String] = []
                var next = ""
                repeat {
                    let answer = try await server.send(
                        .get, "/api/v1/accounts/{account}/transactions?limit=37&cursor=\(next)")
                    #expect(answer.status == 200, "\(answer.text)")
                    ids += (answer.json["data"]?.elements ?? []).compactMap { $0["id"]?.text }
                    next = answer.json["next_cursor"]?.text ?? ""
                    #expect(answer.json["has_more"] == .bool(!next.isEmpty))
                } while !next.isEmpty
                #expect(ids == whole.ids)
            }
        }
    }
}
