import Foundation

/// What the shop is told by its environment. Secrets never come as arguments, which other users of a machine can list.
public struct ShopSettings: Sendable {
    /// A variable that is missing or of no use.
    public struct Wrong: Error, CustomStringConvertible {
        public let description: String
    }

    /// Where Kubewa is, as the browser and this server reach it.
    public var kubewa: String
    public var clientToken: String
    public var publicKey: String
    public var secretKey: String
    public var webhookSecret: String
    /// `production-sandbox` or `production`, as the widget names it.
    public var environment: String
    public var port: Int

    public init(_ variables: [String: String]) throws {
        func value(_ name: String, _ what: String) throws -> String {
            guard let text = variables[name], !text.isEmpty else {
                throw Wrong(description: "\(name) is not set. It is \(what); `kubewa demo` prints it.")
            }
            return text
        }
        let root = variables["KUBEWA_URL"] ?? "http://127.0.0.1:7700"
        guard let url = URL(string: root), let scheme = url.scheme, ["http", "https"].contains(scheme),
            url.host() != nil, url.path().isEmpty || url.path() == "/"
        else { throw Wrong(description: "KUBEWA_URL must be a root such as http://127.0.0.1:7700.") }
        kubewa = root.hasSuffix("/") ? String(root.dropLast()) : root
        clientToken = try value("KUBEWA_CLIENT_TOKEN", "the client token")
        publicKey = try value("KUBEWA_PUBLIC_KEY", "the public key")
        secretKey = try value("KUBEWA_SECRET_KEY", "the secret key")
        webhookSecret = try value("KUBEWA_WEBHOOK_SECRET", "the signing secret of webhooks, whsec_…")
        environment = variables["KUBEWA_ENV"] ?? "production-sandbox"
        guard let port = Int(variables["SHOP_PORT"] ?? "7702"), (1...65_535).contains(port) else {
            throw Wrong(description: "SHOP_PORT must be a port number.")
        }
        self.port = port
    }
}
