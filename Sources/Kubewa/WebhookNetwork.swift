import ArgumentParser
import Domain
import NIOCore
import Outbound

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

    /// Ports of this server on every address that the machine has now: no webhook goes to them.
    func ownListeners(_ serve: ServeOptions) -> [(String, Int)] {
        var addresses: Set<String> = ["127.0.0.1"]
        // Without the list, loopback is still known; a machine that cannot tell its devices has other troubles.
        for device in (try? System.enumerateDevices()) ?? [] {
            if let address = device.address?.ipAddress { addresses.insert(address) }
        }
        return addresses.sorted().flatMap { [($0, serve.port), ($0, serve.bankPort)] }
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
