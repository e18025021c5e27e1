import Domain
import FoundationEssentials

/// What a page sends when it opens: the options, and where it stands.
public struct WidgetOpening: Sendable {
    public var options: WidgetOptions
    /// The options as they came, to be laid under those of a short link.
    let raw: JSONValue
    /// The origin of the page around it, as the browser told; nil when it stands alone.
    public var origin: String?
    public var mode: String

    /// - Throws: `invalid_field` and whatever `WidgetOptions` refuses.
    public init(options raw: JSONValue?, ref: String?, origin: String?, mode: String?) throws {
        let raw = raw ?? [:]
        self.raw = raw
        options = try WidgetOptions(raw)
        if let ref, !ref.isEmpty { options.shortLink = ref }
        switch mode {
        case nil, "page": self.mode = "page"
        case "iframe", "webview": self.mode = mode ?? "page"
        default: throw DomainError.invalid("mode", "must be iframe, page or webview.")
        }
        self.origin = try origin.map(WebOrigin.normal)
        if self.mode == "iframe", self.origin == nil {
            throw DomainError(
                .originRefused, "The page does not know which site it stands in. Open it by the loader.",
                field: "origin")
        }
    }
}

/// `https://shop.example:8443`: what `postMessage` is addressed to.
enum WebOrigin {
    private static let lengthMax = 255

    /// - Throws: `origin_refused` for what is no origin, such as `null` of a sandboxed frame.
    static func normal(_ text: String) throws -> String {
        let refused = DomainError(
            .originRefused, "`origin` must be a site such as https://shop.example. Open the page by the loader.",
            field: "origin")
        guard text.utf8.count <= lengthMax, let url = URL(string: text), let scheme = url.scheme?.lowercased(),
            scheme == "https" || scheme == "http", let host = url.host()?.lowercased(), !host.isEmpty,
            host.utf8.allSatisfy(isHostByte), url.user() == nil, url.query() == nil, url.path().count < 2
        else { throw refused }
        let port = url.port.map { ":\($0)" } ?? ""
        let isDefault = port == (scheme == "https" ? ":443" : ":80")
        return "\(scheme)://\(host)\(isDefault ? "" : port)"
    }

    static func isHostByte(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (97...122).contains(byte) || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: ".")
    }
}
