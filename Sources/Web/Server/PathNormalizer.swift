/// Makes one path of the many spellings that Okra's clients use: double and trailing slashes, a capital in the last
/// segment, both sandbox bases, a doubled sandbox segment, and names that were renamed.
enum PathNormalizer {
    /// Old names of operations, behind the base, and those they have here.
    static let aliases: [String: String] = [
        "auth/getByDateCustomer": "auth/getByCustomerDate",
        "auth/getByOptions": "auth/byOptions",
        "balance/getBalanceById": "balance/getById",
        "products/auth/get": "products/auths",
        "products/transactions/get": "products/transactions",
        "products/income": "products/income/get",
        "authorization/initiate": "pay/authorization/initiate",
        "transactions/balance/process": "products/balance/process",
        "balance/process": "products/balance/process",
        "products/balance/refresh": "balance/refresh",
        "complete-view/process": "products/complete-view/process",
        "products/transactions/download": "transactions/download",
        "sandbox/customers/create": "customers/create",
        "sandbox/customers/generate": "customers/generate",
        "sandbox/customers/get": "customers/get",
    ]

    /// What Okra's first version had under the same names; everything else of `/v1` was another operation.
    static let firstVersion: Set<String> = [
        "banks", "auth", "account", "accounts", "balance", "transaction", "transactions", "identity", "customers",
        "callback", "products",
    ]

    /// - Parameter path: without its query.
    static func normalize(_ path: String) -> String {
        guard needsWork(path) else { return path }
        var segments = path.split(separator: "/").map(String.init)
        guard let first = segments.first else { return "/" }
        if first == "sandbox", segments.count > 1, ["v1", "v2"].contains(segments[1]) { segments.swapAt(0, 1) }
        if segments[0] == "v1", let noun = segments.dropFirst().first(where: { $0 != "sandbox" }),
            firstVersion.contains(noun)
        {
            segments[0] = "v2"
        }
        guard segments.first == "v2" else { return "/" + segments.joined(separator: "/") }
        let isSandbox = segments.count > 1 && segments[1] == "sandbox"
        var tail = segments.dropFirst(isSandbox ? 2 : 1)
        let isDoubled = isSandbox && tail.first == "sandbox"
        while isSandbox, tail.first == "sandbox" { tail = tail.dropFirst() }
        let operation = operation(Array(tail))
        // An operation of the sandbox's own has the segment in its name.
        if isDoubled, APICatalog.isConstant("/v2/sandbox/sandbox/" + operation) {
            return "/v2/sandbox/sandbox/" + operation
        }
        return (isSandbox ? "/v2/sandbox/" : "/v2/") + operation
    }

    private static func operation(_ segments: [String]) -> String {
        var segments = segments
        if let last = segments.last, let initial = last.first, initial.isUppercase {
            segments[segments.count - 1] = initial.lowercased() + last.dropFirst()
        }
        switch segments.first {
        case "transaction": segments[0] = "transactions"
        case "account": segments[0] = "accounts"
        default: break
        }
        let name = segments.joined(separator: "/")
        return aliases[name] ?? name
    }

    /// A slash at the end or behind another.
    private static func hasEmptySegment(_ path: String) -> Bool {
        var isSlash = false
        for byte in path.utf8 {
            if byte == UInt8(ascii: "/"), isSlash { return true }
            isSlash = byte == UInt8(ascii: "/")
        }
        return isSlash
    }

    /// Most paths are right as they are; only Okra's wire is spelled in several ways.
    private static func needsWork(_ path: String) -> Bool {
        if hasEmptySegment(path) { return true }
        guard path.hasPrefix("/v2/") else { return path.hasPrefix("/sandbox/") || path.hasPrefix("/v1/") }
        return !APICatalog.isConstant(path)
    }
}
