import Domain
import HTTPTypes
import NIOCore

/// Where a request comes from, as far as it can be known.
enum ClientAddress {
    /// A proxy stands at a private address and says for whom it asks; anyone else is who they are.
    static func find(_ remote: SocketAddress?, _ headers: HTTPFields) -> String? {
        let peer = remote?.ipAddress
        if let peer, !isPrivate(peer) { return peer }
        // The last one is the proxy's own word; those before it are what it was told.
        let named = headers[.forwardedFor]?.split(separator: ",").last.map { String($0).trimmed }
        guard let named, IPAddress(named) != nil else { return nil }
        return named
    }

    private static func isPrivate(_ text: String) -> Bool {
        guard let address = IPAddress(text) else { return false }
        return !AddressGuard(allowsLoopback: false).allows(address)
    }
}

extension HTTPField.Name {
    static let forwardedFor = HTTPField.Name("x-forwarded-for") ?? .date
}
