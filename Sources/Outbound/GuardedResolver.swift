import Domain
import Synchronization

/// Host names to addresses that the table allows, remembered for a short while.
///
/// One look-up per host is under way at a time; who comes meanwhile waits for it. The table is asked on every
/// attempt, also for remembered answers.
final class GuardedResolver: Sendable {
    private typealias Answer = Result<[IPAddress], HTTPTransportError>
    private typealias Waiter = CheckedContinuation<Turn, Never>

    private enum Turn {
        case ask
        case told(Answer)
    }

    private struct Host {
        var addresses: [IPAddress]?
        var at: Instant
        var waiting: [Waiter]?
    }

    private let resolver: any Resolving
    private let addressGuard: AddressGuard
    private let runtime: any Runtime
    private let limits: WebhookLimits
    private let own: [(address: IPAddress, port: Int)]
    private let hosts = Mutex<[String: Host]>([:])

    /// - Parameter ownListeners: the server's own addresses and ports. A wildcard or a name stands for the
    ///   port on every loopback address.
    init(
        resolver: any Resolving, addressGuard: AddressGuard, runtime: any Runtime, limits: WebhookLimits,
        ownListeners: [(String, Int)]
    ) {
        self.resolver = resolver
        self.addressGuard = addressGuard
        self.runtime = runtime
        self.limits = limits
        own = ownListeners.map { (IPAddress($0.0)?.unmapped ?? IPAddress(v4: 0), $0.1) }
    }

    /// - Throws: `.refusedAddress` if any address of the host is refused.
    func addresses(of url: WebhookURL) async throws(HTTPTransportError) -> [IPAddress] {
        let found = if let literal = url.address { [literal] } else { try await resolved(url.host) }
        guard !found.isEmpty else { throw .dns }
        for address in found {
            guard addressGuard.allows(address), !isOwn(address, url.port) else { throw .refusedAddress }
        }
        return found
    }

    /// Addresses of the proxy, whom the operator chose and nobody vets.
    func addresses(of proxy: WebhookProxy) async throws(HTTPTransportError) -> [IPAddress] {
        if let literal = IPAddress(proxy.host) { return [literal] }
        do {
            return try await resolver.resolve(host: proxy.host).compactMap { IPAddress($0) }
        } catch {
            throw .proxy
        }
    }

    /// Puts an address that answered before those that did not.
    func prefer(_ address: IPAddress, host: String) {
        hosts.withLock { hosts in
            guard let index = hosts[host]?.addresses?.firstIndex(of: address), index > 0 else { return }
            hosts[host]?.addresses?.swapAt(0, index)
        }
    }

    private func isOwn(_ address: IPAddress, _ port: Int) -> Bool {
        let plain = address.unmapped
        return own.contains { listener in
            listener.port == port
                && (listener.address == plain
                    || (plain.isLoopback || plain.isUnspecified)
                        && (listener.address.isUnspecified || listener.address.isLoopback))
        }
    }

    private func resolved(_ host: String) async throws(HTTPTransportError) -> [IPAddress] {
        let now = runtime.now()
        if let known = hosts.withLock({ $0[host].flatMap { fresh($0, now) } }) { return known }
        let turn = await withCheckedContinuation { (waiter: Waiter) in
            hosts.withLock { join(&$0, host, waiter, now) }
        }
        switch turn {
        case .ask: return try await ask(host)
        case .told(let answer): return try answer.get()
        }
    }

    private func fresh(_ host: Host, _ now: Instant) -> [IPAddress]? {
        guard let addresses = host.addresses, (0..<limits.resolvedMsMax).contains(now - host.at) else { return nil }
        return addresses
    }

    private func join(_ hosts: inout [String: Host], _ host: String, _ waiter: Waiter, _ now: Instant) {
        if let known = hosts[host].flatMap({ fresh($0, now) }) {
            waiter.resume(returning: .told(.success(known)))
        } else if hosts[host]?.waiting != nil {
            hosts[host]?.waiting?.append(waiter)
        } else {
            if hosts.count >= limits.resolvedHostsMax { hosts = hosts.filter { $0.value.waiting != nil } }
            hosts[host, default: Host(addresses: nil, at: now)].waiting = []
            waiter.resume(returning: .ask)
        }
    }

    private func ask(_ host: String) async throws(HTTPTransportError) -> [IPAddress] {
        let answer: Answer
        do {
            let texts = try await resolver.resolve(host: host)
            // What cannot be read cannot be judged.
            let addresses = texts.compactMap { IPAddress($0) }
            answer = addresses.count == texts.count ? .success(addresses) : .failure(.refusedAddress)
        } catch {
            answer = .failure(error)
        }
        let now = runtime.now()
        let waiting = hosts.withLock { hosts in
            let waiting = hosts[host]?.waiting ?? []
            switch answer {
            case .success(let addresses): hosts[host] = Host(addresses: addresses, at: now)
            case .failure: hosts[host] = nil
            }
            return waiting
        }
        for waiter in waiting { waiter.resume(returning: .told(answer)) }
        return try answer.get()
    }
}
