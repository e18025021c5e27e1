extension EndpointChange {
    private static let names = [
        "url", "description", "payload", "payloads", "event_types", "token", "headers", "rate_per_second",
        "in_flight_max", "ordering", "retry_seconds", "signatures", "splits_transactions", "authorities",
    ]
    /// Members that an endpoint shows, and why they are not changed.
    private static let shown = [
        "status": "is not changed here: use `pause`, `resume`, `disable` or `enable` of the endpoint.",
        "connection": "is not changed: an endpoint belongs to one record, or to none, for good. Add another one.",
        "secret": "is not chosen: `rotate` of the endpoint makes a new one.",
        "public_key": "is not chosen: `rotate` of the endpoint makes a new one.",
    ]

    /// From the members of a request. null gives a member its value at first.
    /// - Parameter others: members that are read elsewhere.
    /// - Throws: `invalidField` for members of another kind, and for names that no endpoint has: a slip of the pen in
    ///   a filter would send everything.
    public init(json: [String: JSONValue], beside others: Set<String> = []) throws(DomainError) {
        for name in json.keys.sorted() where !Self.names.contains(name) && !others.contains(name) {
            if let why = Self.shown[name] { throw .invalid(name, why) }
            throw .unknown(name, known: Self.names + others.sorted())
        }
        if json["url"] == .null {
            throw .invalid("url", "cannot be null: an endpoint has a URL.")
        }
        let read = Members(json)
        url = try read.text("url")
        description = try read.has("description") ? read.text("description") ?? "" : nil
        payload = try read.has("payload") ? read.name("payload") ?? .thin : nil
        payloads = try read.payloads()
        eventTypes = try read.texts("event_types")
        if read.has("token") { token = .some(try read.text("token").flatMap { $0.isEmpty ? nil : $0 }) }
        headers = try read.headers()
        if read.has("rate_per_second") { ratePerSecond = .some(try read.number("rate_per_second")) }
        if read.has("in_flight_max") { inFlightMax = .some(try read.number("in_flight_max")) }
        ordering = try read.has("ordering") ? read.name("ordering") ?? WebhookEndpoint.Ordering.none : nil
        retrySeconds = try read.numbers("retry_seconds")
        if read.has("signatures") {
            var kinds: [WebhookEndpoint.Signature] = []
            for text in try read.texts("signatures") ?? ["v1"] { kinds.append(try Members.name(text, "signatures")) }
            signatures = json["signatures"] == .null ? [.v1] : kinds
        }
        splitsTransactions = try read.has("splits_transactions") ? read.flag("splits_transactions") ?? false : nil
        if read.has("authorities") { authorities = .some(try read.text("authorities")) }
    }
}

/// Members of a JSON object, read strictly; null is nil.
private struct Members {
    static let textBytesMax = 128 * 1024
    private let members: [String: JSONValue]

    init(_ members: [String: JSONValue]) { self.members = members }

    func has(_ name: String) -> Bool { members[name] != nil }

    func text(_ name: String) throws(DomainError) -> String? {
        guard let value = members[name]?.unlessNull else { return nil }
        return try Self.text(value, name)
    }

    private static func text(_ value: JSONValue, _ name: String) throws(DomainError) -> String {
        guard let text = value.text, text.utf8.count <= textBytesMax, !text.utf8.contains(0) else {
            throw .invalid(name, "must be a text.")
        }
        return text
    }

    func number(_ name: String) throws(DomainError) -> Int? {
        guard let value = members[name]?.unlessNull else { return nil }
        return try Self.number(value, name)
    }

    private static func number(_ value: JSONValue, _ name: String) throws(DomainError) -> Int {
        guard case .integer(let number) = value else { throw .invalid(name, "must be a whole number.") }
        return Int(number)
    }

    func flag(_ name: String) throws(DomainError) -> Bool? {
        guard let value = members[name]?.unlessNull else { return nil }
        guard case .bool(let flag) = value else { throw .invalid(name, "must be true or false.") }
        return flag
    }

    private func elements(_ name: String) throws(DomainError) -> [JSONValue]? {
        guard let value = members[name] else { return nil }
        guard let elements = value.isNull ? [] : value.elements else {
            throw .invalid(name, "must be a list\(Self.lists[name].map { ", such as \($0)" } ?? "").")
        }
        return elements
    }

    private static let lists = [
        "event_types": "[\"transaction.*\", \"balance.success\"]",
        "payloads": "[{\"event_type\": \"transaction.*\", \"payload\": \"complete\"}]",
        "signatures": "[\"v1\"]", "retry_seconds": "[5, 60, 3600]",
    ]

    /// Empty for null.
    func texts(_ name: String) throws(DomainError) -> [String]? {
        guard let elements = try elements(name) else { return nil }
        var texts: [String] = []
        for element in elements { texts.append(try Self.text(element, name)) }
        return texts
    }

    /// Empty for null.
    func numbers(_ name: String) throws(DomainError) -> [Int]? {
        guard let elements = try elements(name) else { return nil }
        var numbers: [Int] = []
        for element in elements { numbers.append(try Self.number(element, name)) }
        return numbers
    }

    func payloads() throws(DomainError) -> [WebhookEndpoint.PayloadRule]? {
        guard let elements = try elements("payloads") else { return nil }
        var rules: [WebhookEndpoint.PayloadRule] = []
        for element in elements {
            guard let pattern = element["event_type"]?.text, let payload = element["payload"]?.text else {
                throw .invalid("payloads", "must be a list, such as \(Self.lists["payloads"] ?? "").")
            }
            rules.append(.init(pattern: pattern, payload: try Self.name(payload, "payloads")))
        }
        return rules
    }

    func headers() throws(DomainError) -> EndpointHeaders? {
        guard let value = members["headers"] else { return nil }
        guard let given = value.isNull ? [:] : value.members else {
            throw .invalid("headers", "must be an object of names and values.")
        }
        var headers: [String: String] = [:]
        for (name, value) in given { headers[name] = try Self.text(value, "headers") }
        return try EndpointHeaders(headers)
    }

    func name<Value: RawRepresentable & CaseIterable>(_ name: String) throws(DomainError) -> Value?
    where Value.RawValue == String {
        guard let text = try text(name) else { return nil }
        return try Self.name(text, name)
    }

    static func name<Value: RawRepresentable & CaseIterable>(
        _ text: String, _ field: String
    ) throws(DomainError) -> Value where Value.RawValue == String {
        guard let value = Value(rawValue: text) else {
            let known = Value.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
            throw .invalid(field, "has `\(text.prefix(40))`, which is none of \(known).")
        }
        return value
    }
}
