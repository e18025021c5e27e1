/// The name of a short link: the one segment of its path. It is the right to open the link, so it cannot be guessed.
public enum WidgetLinkSlug {
    /// 96 random bits.
    public static let length = 16
    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_".utf8)
    /// Paths that are something else, or may become it.
    static let reserved: Set<String> = [
        "api", "assets", "v2", "sandbox", "upstream", "health", "ready", "metrics", "dashboard", "docs", "static",
        "favicon.ico", "robots.txt", "links", "widget", "account", "settings", "security", "apple-touch-icon",
        "service-worker", "manifest", "documentation",
    ]

    /// Whether a text could be a slug; whether there is such a link is another matter.
    public static func isOne(_ text: String) -> Bool {
        (10...40).contains(text.utf8.count) && text.utf8.allSatisfy(alphabet.contains) && !reserved.contains(text)
    }

    /// - Parameter random: as many bytes as a slug is long.
    public static func make(_ random: (Int) -> [UInt8]) -> String {
        while true {
            let slug = String(decoding: random(length).map { alphabet[Int($0 & 63)] }, as: UTF8.self)
            // A dash in front reads as an option on a command line.
            if isOne(slug), !slug.hasPrefix("-") { return slug }
        }
    }

    /// The slug of a short URL, or of a bare slug.
    public static func find(in text: String) -> String? {
        let path = text.split(separator: "?", maxSplits: 1).first ?? ""
        let segments = path.split(separator: "#", maxSplits: 1).first?.split(separator: "/") ?? []
        guard let last = segments.last.map(String.init), isOne(last) else { return nil }
        return last
    }
}
