import AsyncHTTPClient
import Domain
import NIOCore
import Synchronization

/// A client for each address that a host was found to have: connections go to that address while the certificate is
/// checked against the host's name.
final class PinnedClients: Sendable {
    /// Addresses that are kept connected; those that are not in use make room.
    private static let keptMax = 128

    private struct Pin: Hashable {
        let host: String
        let address: IPAddress?
    }
    private struct Kept {
        let client: HTTPClient
        var inUse = 0
        var usedAt = 0
    }
    private struct State {
        var kept: [Pin: Kept] = [:]
        var uses = 0
        var isShut = false
    }

    private let group: any EventLoopGroup
    private let configuration: HTTPClient.Configuration
    private let state = Mutex(State())

    init(group: any EventLoopGroup, configuration: HTTPClient.Configuration) {
        self.group = group
        self.configuration = configuration
    }

    /// - Parameter pin: a host and its address; nil lets the client look the host up itself.
    func with<Value: Sendable>(
        _ pin: (host: String, address: IPAddress)?, _ body: (HTTPClient) async throws -> Value
    ) async throws -> Value {
        let pin = Pin(host: pin?.host ?? "", address: pin?.address)
        let (client, idle) = try state.withLock { try take(pin, &$0) }
        defer { state.withLock { $0.kept[pin]?.inUse -= 1 } }
        for old in idle { await Self.end(old) }
        return try await body(client)
    }

    private func take(_ pin: Pin, _ state: inout State) throws -> (HTTPClient, idle: [HTTPClient]) {
        guard !state.isShut else { throw HTTPTransportError.cannotConnect }
        var idle: [HTTPClient] = []
        if state.kept[pin] == nil {
            if state.kept.count >= Self.keptMax,
                let oldest = state.kept.filter({ $0.value.inUse == 0 }).min(by: { $0.value.usedAt < $1.value.usedAt })
            {
                state.kept[oldest.key] = nil
                idle.append(oldest.value.client)
            }
            var own = configuration
            if let address = pin.address { own.dnsOverride = [pin.host: address.description] }
            state.kept[pin] = Kept(
                client: HTTPClient(eventLoopGroupProvider: .shared(group), configuration: own))
        }
        state.uses += 1
        state.kept[pin]?.inUse += 1
        state.kept[pin]?.usedAt = state.uses
        guard let client = state.kept[pin]?.client else { throw HTTPTransportError.cannotConnect }
        return (client, idle)
    }

    /// Ends every connection; requests under way fail.
    func shutdown() async {
        let all = state.withLock { state in
            state.isShut = true
            defer { state.kept = [:] }
            return state.kept.values.map(\.client)
        }
        for client in all { await Self.end(client) }
    }

    private static func end(_ client: HTTPClient) async {
        do {
            try await client.shutdown()
        } catch {
            // It was shut down before: there is nothing left to end.
        }
    }
}
