import Crypto
import Domain
import Engine
import Foundation
import NIOCore
import NIOPosix
import Outbound
import Storage
import Synchronization

/// Events in the outbox to a counting sink, beside raw signed POSTs by the same sender to the same sink.
enum Deliveries {
    static let count = 30_000
    static let rounds = 3
    static let inFlight = 32

    static func run(locations: [(name: String, location: DatabaseLocation)]) async throws {
        let (channel, counter, url) = try await CountingSink.start()
        let group = MultiThreadedEventLoopGroup.singleton
        let sender = WebhookSender(
            group: group, resolver: SystemResolver(group: group), addressGuard: AddressGuard(allowsLoopback: true),
            runtime: SystemRuntime())
        var raws: [Double] = []
        for _ in 0..<rounds { raws.append(try await raw(sender, url)) }
        let base = median(raws)
        print("deliveries to a counting sink, \(count) events of about 800 bytes, \(inFlight) in flight")
        print("  raw signed POSTs        \(rounded(base))/s")
        for (name, location) in locations {
            let core = try await Bench.core(location)
            let tenant = try await TenantService(core: core, keys: KeyService(core: core)).create(name: "Bench")
            let environment = tenant.environments[0].environment
            let scope = try await KeyService(core: core).authenticate(
                bearer: tenant.environments[0].keys.secretKey, route: nil
            ).scope
            _ = try await WebhookEndpointService(core: core).set(
                in: environment, url: url, payload: .thin, token: nil)
            var rates: [Double] = []
            for _ in 0..<rounds {
                try await fill(core, scope)
                rates.append(try await deliver(core, sender, counter))
            }
            let rate = median(rates)
            print(
                "  deliveries, \(name.padding(toLength: 11, withPad: " ", startingAt: 0)) \(rounded(rate))/s"
                    + "   ratio \(ratio(rate / base))"
            )
            await core.database.close()
        }
        print("")
        try await channel.close()
        await sender.shutdown()
    }

    private static func raw(_ sender: WebhookSender, _ url: String) async throws -> Double {
        let key = SymmetricKey(size: .bits256)
        let body = Array(repeating: UInt8(ascii: "x"), count: 800)
        let next = CountingSink.Counter()
        let clock = ContinuousClock()
        let spent = await clock.measure {
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<inFlight {
                    group.addTask {
                        while next.count.wrappingAdd(1, ordering: .relaxed).newValue <= count {
                            var hmac = HMAC<SHA256>(key: key)
                            hmac.update(data: Array("evt_1.1.".utf8))
                            hmac.update(data: body)
                            let signature = Data(hmac.finalize()).base64EncodedString()
                            _ = await sender.send(
                                WebhookRequest(
                                    url: url,
                                    headers: [
                                        ("content-type", "application/json"), ("webhook-id", "evt_1"),
                                        ("webhook-timestamp", "1"), ("webhook-signature", "v1,\(signature)"),
                                    ], body: body))
                        }
                    }
                }
            }
        }
        return Double(count) / seconds(spent)
    }

    private static func fill(_ core: Core, _ scope: Scope) async throws {
        let endpoints = try await core.database.read { try EndpointStore.list(scope, source: .environment, $0) }
        let connection: ID<Connection> = core.runtime.newID()
        let thin = Array("\"event\":\"balance.success\",\"pad\":\"\(String(repeating: "x", count: 700))\"".utf8)
        for start in stride(from: 0, to: count, by: 2000) {
            try await core.sequence.fill()
            try await core.database.write { tx in
                for number in start..<min(start + 2000, count) {
                    let id = try core.sequence.take()
                    try EventStore.append(
                        EventStore.NewEvent(
                            id: id, sequence: Int64(number), type: "balance.success", accountID: nil, thin: thin,
                            complete: nil),
                        connection: connection, to: endpoints, at: core.runtime.now(), machineNow: core.runtime.now(),
                        newID: core.sequence.take, scope, tx)
                }
            }
        }
    }

    private static func deliver(
        _ core: Core, _ sender: WebhookSender, _ counter: CountingSink.Counter
    ) async throws -> Double {
        let loop = LaneLoop(DeliveryWork(core: core, transport: sender))
        let target = counter.count.load(ordering: .relaxed) + count
        let clock = ContinuousClock()
        let spent = try await clock.measure {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await loop.run() }
                while counter.count.load(ordering: .relaxed) < target { try await Task.sleep(for: .milliseconds(2)) }
                group.cancelAll()
            }
        }
        return Double(count) / seconds(spent)
    }
}
