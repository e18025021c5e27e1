import Connectors
import Domain

/// Reads the bank's JSON strictly. What is wrong is a `protocol_violation`; no value is ever in the error.
struct TemplateReader: Sendable {
    private let value: JSONValue

    private init(value: JSONValue) { self.value = value }

    init(_ bytes: [UInt8]) throws(ConnectorError) {
        do {
            value = try JSONValue(parsing: bytes)
        } catch {
            throw ConnectorError(.protocolViolation, fault: BankFault(body: bytes))
        }
        guard value.members != nil else { throw ConnectorError(.protocolViolation, fault: .unreadableBody) }
    }

    private func member(_ name: String) -> JSONValue? {
        guard let member = value[name], !member.isNull else { return nil }
        return member
    }

    func text(_ name: String) throws(ConnectorError) -> String {
        guard let text = try optionalText(name), !text.isEmpty else { throw ConnectorError(.protocolViolation) }
        return text
    }

    func optionalText(_ name: String) throws(ConnectorError) -> String? {
        guard let member = member(name) else { return nil }
        guard let text = member.text else { throw ConnectorError(.protocolViolation) }
        return text
    }

    func integer(_ name: String) throws(ConnectorError) -> Int64 {
        guard let number = try optionalInteger(name) else { throw ConnectorError(.protocolViolation) }
        return number
    }

    func optionalInteger(_ name: String) throws(ConnectorError) -> Int64? {
        guard let member = member(name) else { return nil }
        guard case .integer(let number) = member else { throw ConnectorError(.protocolViolation) }
        return number
    }

    func read<Value>(_ name: String, _ make: (String) -> Value?) throws(ConnectorError) -> Value {
        guard let value = make(try text(name)) else { throw ConnectorError(.protocolViolation) }
        return value
    }

    func list(_ name: String) throws(ConnectorError) -> [TemplateReader] {
        guard let elements = member(name)?.elements else { throw ConnectorError(.protocolViolation) }
        return elements.map { TemplateReader(value: $0) }
    }
}

/// What a grant holds: the bank's token.
struct TemplateGrant: Sendable {
    let token: String

    init(_ reply: TemplateReader) throws(ConnectorError) { token = try reply.text("token") }

    init(_ grant: Grant) throws(ConnectorError) { try self.init(try TemplateReader(grant.bytes)) }

    var grant: Grant { Grant(bytes: Array(JSONValue.object(["token": .string(token)]).encoded.utf8)) }
}
