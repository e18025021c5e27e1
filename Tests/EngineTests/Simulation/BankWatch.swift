import Domain
import Storage
import Synchronization
import TestKit

/// Counts at the bank's door what comes, in the bank's time.
final class BankWatch: HTTPTransport {
    struct Call: Sendable {
        var institution: String
        /// Names the access, as far as the call shows it.
        var grant: String
        var atMs: Int64
        /// What was called, such as `balance`.
        var name = ""
    }
    private struct State {
        var inner: (any HTTPTransport)?
        var calls: [Call] = []
    }
    private let state = Mutex(State())
    private let database: Database
    private let runtime: ManualRuntime

    /// - Parameter database: connections that do not die with the process.
    init(_ database: Database, _ runtime: ManualRuntime) {
        self.database = database
        self.runtime = runtime
    }

    func open(_ inner: any HTTPTransport) -> BankWatch {
        state.withLock { $0.inner = inner }
        return self
    }

    var calls: [Call] { state.withLock { $0.calls } }

    func send(_ request: HTTPRequestData) async throws(HTTPTransportError) -> HTTPReplyData {
        guard let inner = state.withLock({ $0.inner }) else { throw .cannotConnect }
        let parts = request.url.split(separator: "/").map(String.init)
        let isAsked = parts.last.map { !$0.hasPrefix("health") && !$0.hasPrefix("revoke") } ?? false
        if isAsked, parts.count > 4, let environmentID = Int64(parts[3]) {
            let call = Call(
                institution: parts[4], grant: Self.grant(request), atMs: await now(environmentID).ms,
                name: parts.last?.split(separator: "?").first.map(String.init) ?? "")
            state.withLock { $0.calls.append(call) }
        }
        return try await inner.send(request)
    }

    private func now(_ environmentID: Int64) async -> Instant {
        let environment = try? await database.read { try TenantStore.environment(environmentID, $0) }
        return environment?.virtual(runtime.now()) ?? runtime.now()
    }

    private static func grant(_ request: HTTPRequestData) -> String {
        let bearer =
            request.headers.first { $0.name == "Authorization" }?.value
            ?? String(
                decoding: request.body, as: UTF8.self)
        return bearer.split(separator: ".").dropFirst().first.map(String.init) ?? ""
    }

    /// The most calls in any window of so many milliseconds.
    static func most(_ times: [Int64], within windowMs: Int64) -> Int {
        fullest(times.map { Call(institution: "", grant: "", atMs: $0) }, within: windowMs).count
    }

    /// The calls of the window of so many milliseconds that holds the most.
    static func fullest(_ calls: [Call], within windowMs: Int64) -> ArraySlice<Call> {
        let calls = calls.sorted { $0.atMs < $1.atMs }
        var first = 0
        var fullest = calls[..<0]
        for (index, call) in calls.enumerated() {
            while calls[first].atMs <= call.atMs - windowMs { first += 1 }
            if index - first + 1 > fullest.count { fullest = calls[first...index] }
        }
        return fullest
    }
}
