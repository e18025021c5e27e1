import ArgumentParser
import Domain
import NIOCore
import Outbound
import Storage

/// Where webhooks may go beyond public addresses.
struct WebhookNetworkOptions: ParsableArguments {
    @Option(help: "A range of private addresses that webhooks may go to, as 10.20.0.0/16; may be given again.")
    var webhookAllowCIDR: [String] = []

    @Option(help: "A proxy that all webhooks go through, as http://proxy.internal:3128.")
    var webhookProxy: String?

    /// Read again by `validate`, which refuses those that cannot be read.
    var ranges: [AddressRange] { webhookAllowCIDR.compactMap { try? AddressRange($0) } }

    var limits: WebhookLimits {
        var limits = WebhookLimits()
        // `validate` has read it.
        limits.proxy = webhookProxy.flatMap { try? WebhookProxy($0) }
        return limits
    }

    /// Said at start, because it changes what networks are reached.
    var notices: [String] {
        var notices: [String] = []
        if !ranges.isEmpty {
            let list = webhookAllowCIDR.joined(separator: ", ")
            notices.append("Webhooks may go to these private addresses: \(list) (--webhook-allow-cidr).")
        }
        if let webhookProxy { notices.append("Webhooks go through the proxy \(webhookProxy) (--webhook-proxy).") }
        return notices
    }

    /// Ports of this server on every address that the machine has now, and the database's on those of its host: no
    /// webhook goes to them.
    func ownListeners(
        _ serve: ServeOptions, of database: DatabaseLocation, _ resolver: any Resolving
    ) async -> [(String, Int)] {
        let addresses = machineAddresses()
        var found = addresses.sorted().flatMap { [($0, serve.port), ($0, serve.bankPort)] }
        for server in database.servers {
            var hosts: Set<String> = [server.host]
            // A socket is of this machine, and a name that is not known is not one that the database was reached by.
            if server.host.isEmpty {
                hosts = addresses
            } else if IPAddress(server.host) == nil {
                hosts = Set((try? await resolver.resolve(host: server.host)) ?? [])
            }
            if hosts.contains(where: { IPAddress($0)?.isLoopback ?? false || addresses.contains($0) }) {
                hosts.formUnion(addresses)
            }
            found += hosts.sorted().map { ($0, server.port) }
        }
        return found
    }

    private func machineAddresses() -> Set<String> {
        var addresses: Set<String> = ["127.0.0.1"]
        // Without the list, loopback is still known; a machine that cannot tell its devices has other troubles.
        for device in (try? System.enumerateDevices()) ?? [] {
            if let address = device.address?.ipAddress { addresses.insert(address) }
        }
        return addresses
    }

    func validate() throws {
        for text in webhookAllowCIDR {
            do {
                _ = try AddressRange(text)
            } catch {
                throw ValidationError("--webhook-allow-cidr: \(error)")
            }
        }
        if let webhookProxy, (try? WebhookProxy(webhookProxy)) == nil {
            throw ValidationError(
                "--webhook-proxy is http://, a host and a port, such as http://proxy.internal:3128, without a path, a "
                    + "name and a password.")
        }
    }
}
