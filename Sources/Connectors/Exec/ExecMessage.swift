import Domain

/// What is written to a program: one object a request.
enum ExecMessage {
    static let version: Int64 = 1
    /// Texts of grants and states that are this short are words and no secrets.
    private static let secretBytesMin = 4

    /// The first request of each process.
    static func greeting(_ connector: String, _ institutions: Set<String>) -> [UInt8] {
        var out = JSONWriter()
        out.object { out in
            out.member("operation", "describe")
            out.member("protocol", version)
            out.member("connector", connector)
            out.array("institutions") { out in for slug in institutions.sorted() { out.string(slug) } }
        }
        return out.bytes
    }

    /// Every other request.
    static func request(
        _ operation: StaticString, _ context: ConnectorContext, isRepeatable: Bool,
        _ members: (inout JSONWriter) -> Void = { _ in }
    ) -> ProgramRequest {
        var out = JSONWriter()
        var secrets: [String] = []
        out.object { out in
            out.member("operation", "\(operation)")
            out.object("context") { out in
                out.member("institution", context.institution)
                out.member("now", context.now)
                out.member("user_present", context.isUserPresent)
                out.member("correlation_id", context.correlationID)
                out.object("settings") { out in
                    for name in context.settings.names {
                        guard let value = context.settings[name] else { continue }
                        secrets.append(value)
                        out.key(name)
                        out.string(value)
                    }
                }
            }
            members(&out)
        }
        return ProgramRequest(body: out.bytes, secrets: secrets, isRepeatable: isRepeatable)
    }

    /// What a grant or a state holds, as JSON.
    /// - Throws: `invalid_request` when it was not written by this connector.
    static func unwrap(_ bytes: [UInt8]) throws(ConnectorError) -> JSONValue {
        do {
            let value = try JSONValue(parsing: bytes)
            if case .integer(version)? = value["v"], let inner = value["is"] { return inner }
        } catch {}
        throw ConnectorError(.invalidRequest)
    }

    /// - Parameter name: what is told when it is larger than what is kept of a link.
    static func wrap(_ value: JSONValue, _ name: String) throws(ConnectorError) -> [UInt8] {
        let bytes = Array(JSONValue.object(["v": .integer(version), "is": value]).encoded.utf8)
        guard bytes.count <= 64 << 10 else { throw ExecReader.wrong(name) }
        return bytes
    }

    /// The texts in a value.
    static func secrets(_ value: JSONValue) -> [String] {
        switch value {
        case .string(let text): text.utf8.count >= secretBytesMin ? [text] : []
        case .array(let values): values.flatMap(secrets)
        case .object(let members): members.values.flatMap(secrets)
        default: []
        }
    }
}
