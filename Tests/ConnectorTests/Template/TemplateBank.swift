import Domain
import Synchronization

/// A bank that speaks the protocol, for tests: one user, two accounts, a row a day.
final class TemplateBank: HTTPTransport {
    static let username = "ada"
    static let password = "planted-password"
    static let rowsPerPage = 10

    private struct State {
        var token = 1
        var isOut = true
    }
    private let now: Instant
    private let state = Mutex(State())

    init(now: Instant) { self.now = now }

    func send(_ request: HTTPRequestData) async throws(HTTPTransportError) -> HTTPReplyData {
        guard let url = request.url.split(separator: "://").last else { throw .invalidURL }
        let parts = url.split(separator: "?", maxSplits: 1)
        let path = parts[0].split(separator: "/").dropFirst().map(String.init)
        let query = parts.count > 1 ? parts[1].split(separator: "&").map(String.init) : []
        return state.withLock { state in answer(path, query, request, &state) }
    }

    private func answer(
        _ path: [String], _ query: [String], _ request: HTTPRequestData, _ state: inout State
    ) -> HTTPReplyData {
        func reply(_ status: Int, _ body: JSONValue) -> HTTPReplyData {
            HTTPReplyData(status: status, body: Array(body.encoded.utf8))
        }
        switch path.first {
        case "health": return reply(200, ["status": "up"])
        case "login":
            let body = String(decoding: request.body, as: UTF8.self)
            guard body.contains("\"\(Self.username)\""), body.contains("\"\(Self.password)\"") else {
                return reply(401, ["code": "wrong_password"])
            }
            state.isOut = false
            return reply(200, ["user": "user1", "token": token(state), "accounts": accounts])
        default: break
        }
        guard !state.isOut, request.headers.contains(where: { $0.value == "Bearer planted-token-\(state.token)" })
        else {
            return reply(401, ["code": "no_session"])
        }
        switch (path.first, path.count) {
        case ("token", 1):
            state.token += 1
            return reply(200, ["token": token(state)])
        case ("logout", 1):
            state.isOut = true
            return reply(200, [:])
        case ("accounts", 1): return reply(200, ["accounts": accounts])
        case ("accounts", 3) where ["a1", "a2"].contains(path[1]):
            return reply(200, path[2] == "balance" ? balance : page(query))
        default: return reply(404, ["code": "no_account"])
        }
    }

    private func token(_ state: State) -> JSONValue { .string("planted-token-\(state.token)") }

    private var accounts: JSONValue {
        .array(
            ["a1", "a2"].map { id in
                [
                    "id": .string(id), "number": .string("012345678\(id.last == "1" ? 1 : 2)"), "name": "Savings",
                    "currency": "NGN",
                ]
            })
    }

    private var balance: JSONValue {
        ["ledger_minor": .integer(balance(on: now.day())), "currency": "NGN", "as_of": .string(now.iso)]
    }

    /// A naira comes in each day.
    private func balance(on day: LocalDate) -> Int64 { Int64(day.dayNumber) * 100 }

    private func page(_ query: [String]) -> JSONValue {
        func value(_ name: String) -> String? {
            query.first { $0.hasPrefix("\(name)=") }.map { String($0.dropFirst(name.count + 1)) }
        }
        guard let from = value("from").flatMap({ LocalDate($0) }), let to = value("to").flatMap({ LocalDate($0) })
        else {
            return [:]
        }
        let skipped = value("cursor").flatMap { Int($0.dropFirst()) } ?? 0
        var rows: [JSONValue] = []
        var day = min(to, now.day()).adding(days: -skipped)
        while day >= from, rows.count < Self.rowsPerPage {
            rows.append([
                "id": .string("t\(day.dayNumber)"), "amount_minor": 100, "currency": "NGN",
                "booked_on": .string(day.iso), "text": "One naira", "balance_minor": .integer(balance(on: day)),
            ])
            day = day.adding(days: -1)
        }
        let next: JSONValue = day >= from ? .string("c\(skipped + rows.count)") : nil
        return ["transactions": .array(rows), "next": next]
    }
}
