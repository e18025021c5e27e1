import Domain

/// What an operator set for a connector in one kind of environment, for one institution or for all: keys, client ids,
/// addresses, commands. Values are secrets: never logged, never part of an error.
public struct ConnectorSettings: Sendable, CustomStringConvertible {
    private let values: [String: String]

    public init(_ values: [String: String] = [:]) { self.values = values }

    /// nil when the operator has not set it.
    public subscript(key: String) -> String? { values[key] }

    /// - Throws: `client_misconfigured` that names the key, never a value.
    public func require(_ key: String) throws(ConnectorError) -> String {
        guard let value = values[key], !value.isEmpty else {
            throw ConnectorError(.clientMisconfigured, upstreamCode: "setting_missing:\(key)")
        }
        return value
    }

    /// The names alone.
    public var description: String { "settings \(values.keys.sorted())" }
}
