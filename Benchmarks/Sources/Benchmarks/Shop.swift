import Domain
import Engine
import Foundation
import Outbound
import Storage

/// A business with a hundred endpoints at the sink.
struct Shop: Sendable {
    /// To which of its endpoints events go.
    enum Shape: String, CaseIterable, Sendable {
        case one = "1 endpoint"
        case hundred = "100 endpoints"
        case flaky = "1 in 10 fails"
        /// Endpoints that are well, beside another.
        case good = "good neighbours"
        /// One that never answers, one that answers a byte a second, one that says 429.
        case bad = "bad neighbours"

        /// Those of which the rate is measured.
        static let measured: [Shape] = [.one, .hundred, .flaky]
    }

    let core: Core
    let environment: Domain.Environment
    let scope: Scope
    /// Of the environment's own endpoint, and of those for which it is the only key.
    let secret: String
    let postmaster: Int32?
    let one: WebhookEndpoint
    private let flaky: WebhookEndpoint
    private let hundred: [WebhookEndpoint]
    private let bad: [WebhookEndpoint]
    private let connection: ID<Connection>

    init(_ location: DatabaseLocation, _ sink: CountingSink.Running) async throws {
        core = try await Bench.core(location)
        let keys = KeyService(core: core)
        let tenant = try await TenantService(core: core, keys: keys).create(name: "Bench")
        let environment = tenant.environments[0].environment
        self.environment = environment
        scope = try await keys.authenticate(bearer: tenant.environments[0].keys.secretKey, route: nil).scope
        let service = WebhookEndpointService(core: core)
        let own = try await service.set(in: environment, url: sink.url + "/hook", payload: .thin, token: nil)
        one = own.endpoint
        secret = own.secret ?? ""
        func make(_ path: String) async throws -> WebhookEndpoint {
            var change = EndpointChange()
            change.url = sink.url + path
            return try await service.create(change, in: environment).endpoint
        }
        flaky = try await make("/flaky")
        var hundred: [WebhookEndpoint] = []
        for number in 0..<100 { hundred.append(try await make("/hook/\(number)")) }
        self.hundred = hundred
        bad = [try await make("/hole"), try await make("/drip"), try await make("/busy")]
        connection = core.runtime.newID()
        postmaster = try await Refreshes.postmaster(core)
    }

    /// Measures at a shop of each database, one after the other, all with one sink and one sender.
    static func each(
        _ locations: [(name: String, location: DatabaseLocation)],
        _ measure: (_ name: String, Shop, WebhookSender, CountingSink.Running) async throws -> Void
    ) async throws {
        let sink = try CountingSink.Running()
        defer { sink.stop() }
        let sender = Deliveries.sender()
        for (name, location) in locations {
            let shop = try await Shop(location, sink)
            try await measure(name, shop, sender, sink)
            await shop.core.database.close()
        }
        print("")
        await sender.shutdown()
    }

    private func endpoint(_ number: Int, _ shape: Shape) -> WebhookEndpoint {
        switch shape {
        case .one: one
        case .flaky: flaky
        case .hundred: hundred[number % hundred.count]
        case .good: hundred[number % bad.count]
        case .bad: bad[number % bad.count]
        }
    }

    /// Writes events with their deliveries.
    /// - Parameter first: the number of the first, by which endpoints are taken in turn.
    /// - Returns: their ids.
    @discardableResult
    func fill(_ count: Int, _ shape: Shape, from first: Int = 0) async throws -> [Int64] {
        let thin = Array("\"event\":\"balance.success\",\"pad\":\"\(String(repeating: "x", count: 760))\"".utf8)
        var ids: [Int64] = []
        for start in stride(from: 0, to: count, by: 2000) {
            try await core.sequence.fill()
            ids += try await core.database.write { tx in
                try (start..<min(start + 2000, count)).map { number in
                    let id = try core.sequence.take()
                    let now = core.runtime.now()
                    try EventStore.append(
                        EventStore.NewEvent(
                            id: id, sequence: id, type: "balance.success", accountID: nil, thin: thin, complete: nil),
                        connection: connection, to: [endpoint(first + number, shape)], at: now, machineNow: now,
                        newID: core.sequence.take, scope, tx)
                    return id
                }
            }
        }
        return ids
    }

    /// Sends all that waits for its first attempt.
    /// - Parameter count: how many that are.
    /// - Returns: seconds until the last one is logged.
    func deliver(_ count: Int, _ sender: any WebhookTransport, _ sink: CountingSink.Running) async throws -> Double {
        let loop = LaneLoop(DeliveryWork(core: core, transport: sender))
        let clock = ContinuousClock()
        let all = sink.counts().all + count
        let spent = try await clock.measure {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await loop.run() }
                // The database is asked when all were sent: before that, asking costs more the more are done.
                while sink.counts().all < all { try await Task.sleep(for: .milliseconds(5)) }
                while try await waiting() { try await Task.sleep(for: .milliseconds(5)) }
                group.cancelAll()
            }
        }
        // What failed is not tried again in the next round.
        try await core.database.write { try $0.db.run("DELETE FROM delivery", []) }
        return seconds(spent)
    }

    private func waiting() async throws -> Bool {
        try await core.database.read {
            try $0.first("SELECT 1 FROM delivery WHERE attempts = 0 LIMIT 1", []) { _ in 1 }
        }
            != nil
    }
}
