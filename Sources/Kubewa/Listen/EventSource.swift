import Domain

/// An event as it was pulled, with the very bytes that a webhook would have.
struct PulledEvent: Sendable {
    let id: String
    let type: String
    let createdAt: Instant?
    /// A JSON object.
    let body: [UInt8]
}

/// Asks a server's API for an environment's events.
struct EventSource: Sendable {
    /// So long the server holds a reply back while there is nothing.
    private static let waitSeconds = 25
    private static let marginSeconds = 15

    let api: ServerAPI
    /// `types=…&connection=…`, encoded; may be empty.
    let filter: String
    /// Whether events tell all that they can, as to an endpoint whose payload is `complete`.
    let isComplete: Bool

    struct Start: Sendable {
        let environment: String
        let secret: String
        let cursor: String
    }

    struct Page: Sendable {
        var events: [PulledEvent]
        let cursor: String
        let gap: String?
        let hasMore: Bool
    }

    /// - Parameter last: so many of the last events come again.
    func start(last: Int) async throws -> Start {
        let reply = try await get("/api/v1/events/listener", ["last=\(last)"], seconds: Self.marginSeconds)
        guard let value = ServerAPI.json(reply), let environment = value["environment"]?.text,
            let secret = value["secret"]?.text, let cursor = value["next_cursor"]?.text
        else { throw ListenError.notKubewa(api.url) }
        return Start(environment: environment, secret: secret, cursor: cursor)
    }

    /// The next page; waits for one where there is none yet.
    func page(after cursor: String) async throws -> Page {
        let reply = try await get(
            "/api/v1/events",
            ["after=\(Self.encoded(cursor))", "wait=\(Self.waitSeconds)"] + (isComplete ? ["payload=complete"] : []),
            seconds: Self.waitSeconds + Self.marginSeconds)
        guard let value = ServerAPI.json(reply), let next = value["next_cursor"]?.text,
            let bodies = JSONSlices.elements(of: "data", in: reply)
        else { throw ListenError.notKubewa(api.url) }
        return Page(
            events: bodies.compactMap(Self.event), cursor: next, gap: value["gap"]?.text,
            hasMore: value["has_more"] == .bool(true))
    }

    private static let previous = Array(",\"previous_sequence\":".utf8)

    /// What is pulled says one thing more than a webhook does.
    private static func event(_ bytes: ArraySlice<UInt8>) -> PulledEvent? {
        guard let value = ServerAPI.json(Array(bytes)), let id = value["event_id"]?.text,
            let type = value["event"]?.text
        else { return nil }
        let body = bytes.lastRange(of: previous).map { Array(bytes[..<$0.lowerBound]) + [UInt8(ascii: "}")] }
        return PulledEvent(
            id: id, type: type, createdAt: value["created_at"]?.text.flatMap(Instant.init(iso:)),
            body: body ?? Array(bytes))
    }

    private func get(_ path: String, _ members: [String], seconds: Int) async throws -> [UInt8] {
        let query = (members + (filter.isEmpty ? [] : [filter])).joined(separator: "&")
        return try await api.send("GET", "\(path)?\(query)", seconds: seconds)
    }

    /// A cursor or the id of an event, which a person may have given.
    static func encoded(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain = byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
            return isPlain || Character(UnicodeScalar(byte)).isLetter || Character(UnicodeScalar(byte)).isNumber
                ? String(UnicodeScalar(byte)) : "%" + Hex.encode([byte])
        }.joined()
    }
}

/// Finds the bytes of a list's elements, so that they can be signed as they came.
enum JSONSlices {
    /// The elements of the member's list at the top of an object; nil where there is none.
    static func elements(of member: String, in bytes: [UInt8]) -> [ArraySlice<UInt8>]? {
        guard let start = bytes.firstRange(of: Array("\"\(member)\":[".utf8))?.upperBound else { return nil }
        var found: [ArraySlice<UInt8>] = []
        var depth = 0
        var begun = start
        var isText = false
        var isEscaped = false
        for place in start..<bytes.count {
            let byte = bytes[place]
            if isText {
                if !isEscaped, byte == UInt8(ascii: "\"") { isText = false }
                isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isText = true
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                if depth == 0 { begun = place }
                depth += 1
            case UInt8(ascii: "]") where depth == 0: return found
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 { found.append(bytes[begun...place]) }
            default: break
            }
        }
        return nil
    }
}

extension ArraySlice<UInt8> {
    /// Where the bytes occur last.
    fileprivate func lastRange(of other: [UInt8]) -> Range<Int>? {
        guard count >= other.count else { return nil }
        return (startIndex...(endIndex - other.count)).last { self[$0..<($0 + other.count)].elementsEqual(other) }
            .map { $0..<($0 + other.count) }
    }
}
