import Crypto
import Domain

/// A bank in a function: requests in, replies out, for every institution and every environment.
///
/// What it shows is computed from a seed, the customer and the environment's time; the little that it must remember
/// (counts of refused passwords, grants, posted transactions) lies behind `SandboxBook`. It opens no socket: a host
/// serves `handle` under `http://…/env/<environment>/<institution>/…`, waiting each reply's `delayMs` first.
///
/// docs/connectors/sandbox.md describes its scenarios and its protocol.
public struct SandboxBank: Sendable {
    static let accessMs: Int64 = 15 * 60_000
    static let passwordsMax = 5
    static let answersMax = 3
    static let lockMs: Int64 = Instant.dayMs
    static let pageRows = 100
    static let pageRowsMax = 500
    /// Institutions that say they are in trouble, so that a page can be seen to warn; logging in works all the same.
    static let troubled: [String: InstitutionHealth] = ["heritage-bank": .down, "unity-bank": .degraded]

    let book: any SandboxBook
    let runtime: any Runtime
    let seed: UInt64
    let totals = SandboxTotals()
    let scripts = SandboxScripts()
    let challengeKey: SymmetricKey

    /// - Parameter seed: other seeds give other people and other transactions.
    public init(book: any SandboxBook, runtime: any Runtime, seed: UInt64 = 1) {
        self.book = book
        self.runtime = runtime
        self.seed = seed
        challengeKey = SymmetricKey(data: SHA256.hash(data: Array("sandbox challenge \(seed)".utf8)))
    }

    /// Answers one request. It never throws: what goes wrong inside is the bank's 500.
    /// - Parameter path: with its query.
    public func handle(
        method: String, path: String, headers: [(name: String, value: String)], body: [UInt8]
    ) async -> SandboxReply {
        do {
            let request = try SandboxRequest(method: method, path: path, headers: headers, body: body)
            return try await answer(request)
        } catch let problem as SandboxProblem {
            return problem.reply
        } catch let error as DomainError where error.code == .notFound {
            return SandboxProblem(404, "no_such_environment", "There is no such environment.").reply
        } catch {
            return SandboxProblem(500, "bank_error", "The bank has an error of its own.").reply
        }
    }

    private func answer(_ request: SandboxRequest) async throws -> SandboxReply {
        switch (request.method, request.rest.count, request.rest.first) {
        case ("GET", 1, "health"):
            let scripted = try await scriptedHealth(request)
            return SandboxReply(200) { out in
                out.member("status", (scripted ?? Self.troubled[request.institution.slug] ?? .healthy).rawValue)
                out.member("troubled", .object(Self.troubled.mapValues { .string($0.rawValue) }))
            }
        case ("POST", 1, "login"): return try await login(request)
        case ("POST", 1, "answer"): return try await answerChallenge(request)
        case ("POST", 1, "token"): return try await refreshToken(request)
        case ("POST", 1, "revoke"): return try await revoke(request)
        case ("GET", 1, "identity"):
            let caller = try await enter(request, .identity)
            return identity(caller).garbled(caller.show)
        case ("GET", 1, "accounts"):
            let caller = try await enter(request, .accounts)
            return accounts(caller).garbled(caller.show)
        case ("GET", 3, "accounts"):
            guard let operation = SandboxOperation(rawValue: request.rest[2]) else { throw SandboxProblem.noSuchPath }
            let caller = try await enter(request, operation, account: request.rest[1])
            let account = try caller.account(request.rest[1])
            switch operation {
            case .balance: return balance(caller, account).garbled(caller.show)
            case .transactions: return try transactions(caller, account, request).garbled(caller.show)
            case .income: return try income(caller, account, request).garbled(caller.show)
            case .statement: return try statement(caller, account, request).garbled(caller.show)
            default: throw SandboxProblem.noSuchPath
            }
        default:
            throw SandboxProblem.noSuchPath
        }
    }

    func persona(
        _ user: SandboxUser, _ institution: Institution, _ scenarios: SandboxScenarios, customer: SandboxCustomer?,
        login: SandboxLogin?, now: Instant
    ) throws -> SandboxPersona? {
        let ours = SandboxScenario(rawValue: user.username)?.script
        let script = try ours ?? scenarios.own.map { try scripts.read($0.script) }
        return SandboxPersona(
            user, institution, script: script, customer: customer, openedAt: login?.openedAt ?? now, bankSeed: seed)
    }

    func persona(_ user: SandboxUser, _ institution: Institution, _ door: SandboxDoor) throws -> SandboxPersona? {
        try persona(
            user, institution, door.scenarios, customer: door.customer, login: door.login, now: door.now)
    }

    func statement(
        _ account: SandboxAccount, _ persona: SandboxPersona, _ history: SandboxHistory, at now: Instant,
        _ show: SandboxShow = SandboxShow()
    ) -> SandboxStatement {
        SandboxStatement(account, of: persona, history, at: now, show, totals)
    }
}

/// A request, taken apart.
struct SandboxRequest {
    let method: String
    let environmentID: Int64
    let institution: Institution
    /// What follows the institution in the path.
    let rest: [String]
    let query: [String: String]
    let bearer: String?
    private let body: [UInt8]

    init(
        method: String, path: String, headers: [(name: String, value: String)], body: [UInt8]
    ) throws(SandboxProblem) {
        let halves = path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let parts = halves[0].split(separator: "/").map(String.init)
        guard parts.count >= 4, parts[0] == "env", let environmentID = Int64(parts[1]) else { throw .noSuchPath }
        guard let institution = InstitutionCatalog.find(parts[2]) else {
            throw SandboxProblem(404, "unknown_institution", "There is no such institution.")
        }
        self.method = method
        self.environmentID = environmentID
        self.institution = institution
        self.body = body
        rest = Array(parts[3...])
        var query: [String: String] = [:]
        for pair in halves.count > 1 ? halves[1].split(separator: "&") : [] {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            query[String(sides[0])] = sides.count > 1 ? String(sides[1]) : ""
        }
        self.query = query
        let authorization = headers.first { $0.name.lowercased() == "authorization" }?.value
        bearer = authorization.flatMap { $0.hasPrefix("Bearer ") ? String($0.dropFirst(7)) : nil }
    }

    func user(_ name: String) -> SandboxUser {
        SandboxUser(environmentID: environmentID, institution: institution.slug, username: name)
    }

    func json() throws(SandboxProblem) -> JSONValue {
        do {
            let value = try JSONValue(parsing: body)
            guard value.members != nil else { throw SandboxProblem.badJSON }
            return value
        } catch {
            throw .badJSON
        }
    }
}
