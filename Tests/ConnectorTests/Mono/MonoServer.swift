import Connectors
import Domain
import Synchronization
import TestKit

/// Mono's API for one linked account, in memory: what is asked is kept, what goes wrong is set.
final class MonoServer: HTTPTransport {
    static let account = "697926f050b9c321c1451dda"
    static let key = "live_sk_planted-key"
    static let webhookSecret = "planted-webhook-secret"
    static let code = "code_planted_0123456789"

    struct Row {
        var id: String
        var kobo: Int64
        var day: LocalDate
        var hour: Int
        var balance: Int64
    }

    struct State {
        var requests: [HTTPRequestData] = []
        var isUnlinked = false
        var status = "AVAILABLE"
        var retrieved = #"["identity","balance","transactions"]"#
        var reference = MonoTests.reference
        var bankCode = "044"
        var currency = "ngn"
        var rows: [Row] = []
        /// Given in place of what would be answered, by the end of the path.
        var instead: [String: HTTPReplyData] = [:]
        var liveHeaders: [(name: String, value: String)] = []
    }

    let state: Mutex<State>

    init(today: LocalDate) {
        var state = State()
        var balance: Int64 = 9_007_199_254_740_993
        for number in 0..<75 {
            // Odd kobo beyond what a double holds exactly.
            let kobo: Int64 = number % 4 == 0 ? 300_000_001 : -100_000_003
            state.rows.append(
                Row(
                    id: "tx\(number)", kobo: kobo, day: today.adding(days: -number / 3), hour: 20 - number % 3 * 5,
                    balance: balance))
            balance -= kobo
        }
        self.state = Mutex(state)
    }

    func set(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }
    var requests: [HTTPRequestData] { state.withLock { $0.requests } }
    var liveRequests: [HTTPRequestData] {
        requests.filter { request in request.headers.contains { $0.name == "x-realtime" && $0.value == "true" } }
    }

    func send(_ request: HTTPRequestData) async throws(HTTPTransportError) -> HTTPReplyData {
        state.withLock { state in
            state.requests.append(request)
            return Self.answer(request, &state)
        }
    }

    static func reply(_ status: Int, _ data: String, _ more: String = "") -> HTTPReplyData {
        let word = status < 300 ? "successful" : "failed"
        return HTTPReplyData(
            status: status,
            body: Array(#"{"status":"\#(word)","message":"…","data":\#(data)\#(more)}"#.utf8))
    }

    private static func answer(_ request: HTTPRequestData, _ state: inout State) -> HTTPReplyData {
        let parts = request.url.dropFirst("https://api.withmono.com".count).split(separator: "?")
        let path = String(parts.first ?? "")
        for (end, reply) in state.instead where path.hasSuffix(end) { return reply }
        guard request.headers.contains(where: { $0.name == "mono-sec-key" && $0.value == key }) else {
            return reply(401, "null")
        }
        let body = String(decoding: request.body, as: UTF8.self)
        switch path {
        case "/v3/institutions":
            return reply(
                200,
                """
                [{"_id":"b2","type":"BUSINESS_BANKING","nip_code":"000014",
                "auth_methods":[{"type":"internet_banking"}]},
                {"_id":"b1","type":"PERSONAL_BANKING","nip_code":"000014",
                "auth_methods":[{"type":"internet_banking"},{"type":"mobile_banking"}]}]
                """)
        case "/v2/accounts/initiate":
            if body.contains("reauth"), state.isUnlinked { return reply(404, "null") }
            return reply(200, #"{"mono_url":"https://link.mono.co/ALGSTO22","customer":"65f8"}"#)
        case "/v2/accounts/auth":
            guard body.contains(code) else { return reply(400, "null") }
            state.isUnlinked = false
            return reply(200, #"{"id":"\#(account)"}"#)
        default: return self.account(path, parts.count > 1 ? String(parts[1]) : "", &state)
        }
    }

    private static func account(_ path: String, _ query: String, _ state: inout State) -> HTTPReplyData {
        let root = "/v2/accounts/\(account)"
        guard path.hasPrefix(root), !state.isUnlinked else { return reply(404, "null") }
        let balance = state.rows.first?.balance ?? 0
        switch path.dropFirst(root.count) {
        case "":
            return reply(
                200,
                """
                {"account":{"id":"\(account)","name":"SAMUEL OLAMIDE","account_number":"0131883461",
                "currency":"\(state.currency)","balance":\(balance),"type":"SAVINGS_ACCOUNT","bvn":"0965",
                "institution":{"name":"Access Bank","bank_code":"\(state.bankCode)"}},
                "meta":{"data_status":"\(state.status)","ref":"\(state.reference)","retrieved_data":\(state.retrieved)}}
                """)
        case "/balance":
            var found = reply(200, #"{"id":"\#(account)","balance":\#(balance),"currency":"NGN"}"#)
            found.headers = state.liveHeaders
            return found
        case "/identity":
            return reply(
                200, #"{"full_name":"SAMUEL OLAMIDE NOMO","bvn":"22300000965","phone":"08012345678","dob":null}"#)
        case "/unlink":
            state.isUnlinked = true
            return reply(200, "{}")
        case "/transactions": return transactions(query, state)
        case "/income":
            let text = "The income of SAMUEL OLAMIDE is being made"
            return HTTPReplyData(
                status: 200, body: Array(#"{"status":"successful","message":"\#(text)","data":null}"#.utf8))
        case "/statement": return statement(state)
        default: return reply(404, "null")
        }
    }

    private static func statement(_ state: State) -> HTTPReplyData {
        let rows = state.rows.map(json)
        return reply(200, "[\(rows.joined(separator: ","))]", #","meta":{"count":\#(rows.count)}"#)
    }

    private static func json(_ row: Row) -> String {
        """
        {"id":"\(row.id)","narration":"NIP TRANSFER \(row.id)","amount":\(row.kobo.magnitude),
        "type":"\(row.kobo < 0 ? "debit" : "credit")","balance":\(row.balance),
        "date":"\(row.day.iso)T\(row.hour < 10 ? "0" : "")\(row.hour):00:00.500Z"}
        """
    }

    private static func transactions(_ query: String, _ state: State) -> HTTPReplyData {
        var wanted: [Substring: Substring] = [:]
        for pair in query.split(separator: "&") {
            let sides = pair.split(separator: "=")
            wanted[sides[0]] = sides[1]
        }
        func day(_ name: Substring) -> LocalDate {
            LocalDate((wanted[name] ?? "").split(separator: "-").reversed().joined(separator: "-"))!
        }
        let page = Int(wanted["page"] ?? "1")!
        let rows = state.rows.filter { DayWindow(from: day("start"), to: day("end")).contains($0.day) }
        let shown = rows.dropFirst((page - 1) * 20).prefix(20).map(json)
        let next = rows.count > page * 20 ? #""https://elsewhere.example/v2/x/transactions?page=\#(page + 1)""# : "null"
        var found = reply(200, "[\(shown.joined(separator: ","))]", #","meta":{"page":\#(page),"next":\#(next)}"#)
        found.headers = state.liveHeaders
        return found
    }
}
