import Connectors
import Domain
import Storage

/// A setting as an operator lists it: its name, never its value.
public struct ListedSetting: Sendable, Equatable {
    public let kind: EnvironmentKind
    public let connector: String
    /// nil: for all institutions of the connector.
    public let institution: String?
    public let key: String
    public let updatedAt: Instant
}

/// What operators set for connectors: keys, client ids, addresses. Values go in and never come out again.
public struct ConnectorSettingService: Sendable {
    public static let valueBytesMax = 16 * 1024
    private static let keyMax = 60

    let core: Core

    public init(core: Core) { self.core = core }

    /// Keeps a value; every node uses it within two seconds.
    /// - Parameter institution: its slug or another name; nil is for all that the connector serves.
    /// - Throws: `invalid` that names the option and what is allowed, never the value.
    public func set(
        _ key: String, of connector: String, institution: String? = nil, _ kind: EnvironmentKind, to value: String
    ) async throws {
        let place = try place(key, connector, institution, kind)
        guard !value.isEmpty, value.utf8.count <= Self.valueBytesMax, !value.utf8.contains(0) else {
            throw DomainError.invalid("the value", "is a text of 1 to \(Self.valueBytesMax) bytes.")
        }
        let now = core.runtime.now()
        try await core.database.write { [core] tx in
            let sealed = try core.seal(Array(value.utf8), SettingsBook.sealing(place), tx)
            try ConnectorSettingStore.set(.init(key: place, sealed: sealed, updatedAt: now), tx)
        }
        core.settingsBook.forget()
    }

    /// Forgets a value.
    /// - Throws: `not_found` when it is not set there.
    public func unset(
        _ key: String, of connector: String, institution: String? = nil, _ kind: EnvironmentKind
    ) async throws {
        // What a connector that is gone has left must be removable.
        let slug = try institution.map { try known($0) } ?? ""
        let place = ConnectorSettingStore.Key(kind, connector, institution: slug, key)
        let wasThere = try await core.database.write { try ConnectorSettingStore.remove(place, $0) }
        core.settingsBook.forget()
        guard wasThere else { throw DomainError.notFound("setting") }
    }

    /// Everything that is set, without values.
    public func list() async throws -> [ListedSetting] {
        try await core.database.read { try ConnectorSettingStore.all($0) }.map { row in
            ListedSetting(
                kind: row.key.kind, connector: row.key.connector,
                institution: row.key.institution.isEmpty ? nil : row.key.institution, key: row.key.name,
                updatedAt: row.updatedAt)
        }
    }

    private func place(
        _ key: String, _ name: String, _ institution: String?, _ kind: EnvironmentKind
    ) throws -> ConnectorSettingStore.Key {
        guard let connector = core.connectors.connector(id: name) else {
            let known = core.connectors.connectors.map(\.descriptor.id).sorted().joined(separator: ", ")
            throw DomainError.invalid("the connector", "must be one of these: \(known).")
        }
        let descriptor = connector.descriptor
        guard Self.isKey(key) else {
            throw DomainError.invalid("the key", "is lower case letters, digits and _, at most \(Self.keyMax).")
        }
        if !descriptor.takesOtherSettings, !descriptor.settings.contains(where: { $0.key == key }) {
            let known = descriptor.settings.map(\.key).joined(separator: ", ")
            throw DomainError.invalid(
                "the key",
                known.isEmpty ? "cannot be set: `\(name)` has no settings." : "must be one of these: \(known).")
        }
        return .init(kind, descriptor.id, institution: try institution.map { try known($0) } ?? "", key)
    }

    private static func isKey(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= keyMax else { return false }
        let isLetter = { (byte: UInt8) in (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
        return isLetter(first)
            && text.utf8.allSatisfy {
                isLetter($0) || $0 == UInt8(ascii: "_") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            }
    }

    private func known(_ name: String) throws -> String {
        guard let institution = InstitutionCatalog.find(slugOrID: name) else {
            throw DomainError(
                .unknownInstitution, "`\(name.prefix(60))` is not an institution known here.", field: "institution")
        }
        return institution.slug
    }
}
