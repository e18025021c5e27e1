import Domain
import Engine
import HTTPTypes

/// An operation of the native API: one struct, listed in `APICatalog`.
protocol Endpoint: SendableMetatype {
    static var route: EndpointRoute { get }
    static func handle(_ call: Call) async throws -> Reply
}

/// What an endpoint says of itself.
struct EndpointRoute {
    var method: HTTPRequest.Method
    /// Behind `/api/v1`.
    var path: String
    var summary: String
    var example = "{}"
    var access = Route.Access.secretKey
    var isLong = false
    /// Its change commits together with the reply that a repeated request gets (`Call.once`).
    var commitsReply = false
    /// Its change takes several commits, so the reply is kept after the last.
    var keepsReply = false
    /// A file, which is read while it comes.
    var streamsBody = false
    /// Parameters of its query; without a word, none where a secret key is needed, and any where a browser calls.
    var query: AcceptedNames?
    /// Members of its body, alike.
    var members: AcceptedNames?

    private var unnamed: AcceptedNames { access == .secretKey ? [] : .any }

    /// What is misspelt is refused before anything is done.
    fileprivate func checked(_ call: Call) throws -> Call {
        try (query ?? unnamed).check(call.query.keys)
        guard method != .get, !streamsBody else { return call }
        var call = call
        call.json = try NativeBody(call.bytes)
        try (members ?? unnamed).check(call.json.members.keys)
        return call
    }
}

extension Endpoint {
    static var mounted: Route {
        let route = route
        return Route(
            route.method, "/api/v1" + route.path, wire: .native, access: route.access, summary: route.summary,
            example: route.example, isLong: route.isLong, commitsReply: route.commitsReply,
            keepsReply: route.keepsReply, streamsBody: route.streamsBody
        ) { try await handle(route.checked($0)) }
    }
}

/// The members of a native request: a JSON object, read strictly.
struct NativeBody {
    let members: [String: JSONValue]

    /// Of a request without a body.
    init() { members = [:] }

    init(_ bytes: [UInt8]) throws {
        guard bytes.contains(where: { $0 > 0x20 }) else {
            members = [:]
            return
        }
        guard case .object(let members) = try JSONValue(parsing: bytes) else {
            throw DomainError(.invalidJSON, "The body must be a JSON object.")
        }
        self.members = members
    }

    func value(_ name: String) -> JSONValue? { members[name]?.unlessNull }

    func text(_ name: String) throws -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value.text else { throw DomainError.invalid(name, "must be a text.") }
        guard text.utf8.count <= OkraBody.textLengthMax, !text.utf8.contains(0) else {
            throw DomainError.invalid(name, "is too long or holds a NUL character.")
        }
        return text
    }

    func required(_ name: String) throws -> String {
        guard let text = try text(name), !text.isEmpty else { throw DomainError.missing(name) }
        return text
    }

    func integer(_ name: String) throws -> Int64? {
        guard let value = value(name) else { return nil }
        guard case .integer(let number) = value else { throw DomainError.invalid(name, "must be a whole number.") }
        return number
    }

    func flag(_ name: String) throws -> Bool? {
        guard let value = value(name) else { return nil }
        guard case .bool(let flag) = value else { throw DomainError.invalid(name, "must be true or false.") }
        return flag
    }

    func texts(_ name: String) throws -> [String]? {
        guard let value = value(name) else { return nil }
        guard let elements = value.elements, elements.count <= 200 else {
            throw DomainError.invalid(name, "must be a list of texts.")
        }
        return try elements.map { element in
            guard let text = element.text else { throw DomainError.invalid(name, "must be a list of texts.") }
            return text
        }
    }
}

/// `limit` and `cursor` of a native list.
struct NativePage {
    static let limitDefault = 50
    static let limitMax = 200

    let limit: Int
    let cursor: String?

    init(_ query: [String: String]) throws {
        cursor = query["cursor"].flatMap { $0.isEmpty ? nil : $0 }
        guard let text = query["limit"], !text.isEmpty else {
            limit = Self.limitDefault
            return
        }
        guard let number = Int(text), (1...Self.limitMax).contains(number) else {
            throw DomainError.invalid("limit", "must be 1 to \(Self.limitMax).")
        }
        limit = number
    }

    /// Lists by day count their pages; the cursor says which comes next.
    func pageRequest() throws -> PageRequest {
        guard let cursor else { return PageRequest(page: 1, limit: limit) }
        let parts = cursor.split(separator: "-")
        guard parts.count == 2, let page = Int(parts[0]), let size = Int(parts[1]), page > 0, size == limit else {
            throw DomainError.invalid("cursor", "must be the `next_cursor` of a reply, with the same `limit`.")
        }
        return PageRequest(page: page, limit: limit)
    }

    static func request(_ call: Call) throws -> PageRequest { try NativePage(call.query).pageRequest() }

    /// - Parameter freshness: of the connections whose data is shown; nil where none's is.
    static func reply(_ items: [UInt8], next: String?, freshness: [UInt8]? = nil) -> Reply {
        Reply.json { out in
            out.object { out in
                out.array("data") { $0.members(items) }
                if let freshness { out.array("freshness") { $0.members(freshness) } }
                out.member("has_more", next != nil)
                out.member("next_cursor", next)
            }
        }
    }

    static func reply(_ listing: Listing) -> Reply {
        reply(
            listing.items, next: listing.info.next.map { "\($0)-\(listing.info.limit)" },
            freshness: listing.connections == nil ? nil : listing.freshness)
    }
}
