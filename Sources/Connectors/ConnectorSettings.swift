import Domain

/// What an operator set for a connector in one kind of environment, for one institution or for all: keys, client ids,
/// addresses, commands. Values are secrets: never logged, never part of an error.
public struct ConnectorSettings: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
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

    /// The names of what is set, in order.
    public var names: [String] { values.keys.sorted() }

    /// What is set here for one institution wins over what is set for all.
    public func overlaid(by own: ConnectorSettings) -> ConnectorSettings {
        ConnectorSettings(values.merging(own.values) { _, own in own })
    }

    /// The names alone.
    public var description: String { "settings \(names)" }

    /// The names alone, for `dump` and for what a debugger prints.
    public var customMirror: Mirror { Mirror(self, children: ["names": names]) }
}

/// A setting that a connector knows: what `kubewa institutions check` asks for and the documentation lists.
public struct SettingNeed: Sendable, Equatable {
    /// Lower case letters, digits and `_`.
    public let key: String
    /// Without it no call is made.
    public let isRequired: Bool
    /// What it is and where the operator finds it, in one sentence.
    public let help: String

    public init(_ key: String, isRequired: Bool = false, help: String) {
        self.key = key
        self.isRequired = isRequired
        self.help = help
    }
}
