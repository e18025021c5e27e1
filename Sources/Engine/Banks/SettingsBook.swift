import Connectors
import Domain
import Logging
import Storage
import Synchronization

/// What operators set for connectors, opened. It is looked at again every second while it is asked for, so that a
/// change holds on every node within two.
final class SettingsBook: Sendable {
    /// Machine time.
    static let freshMs: Int64 = 1000

    private struct Place: Hashable {
        let kind: EnvironmentKind
        let connector: String
        let institution: String
    }
    private struct Snapshot: Sendable {
        var rows: [ConnectorSettingStore.Setting] = []
        var settings: [Place: ConnectorSettings] = [:]
        var lookedAt: Instant
    }
    private struct State {
        var snapshot: Snapshot?
        var isLooking = false
        /// Counts changes made on this node: a look that began before one of them is not believed.
        var changes = 0
    }

    private let state = Mutex(State())

    /// What holds for one institution of a connector; an empty one asks for what holds for all.
    func settings(
        _ connector: String, institution: String, _ kind: EnvironmentKind, _ core: Core
    ) async throws -> ConnectorSettings {
        let known = try await snapshot(core).settings
        let shared = known[Place(kind: kind, connector: connector, institution: ""), default: ConnectorSettings()]
        let own = known[Place(kind: kind, connector: connector, institution: institution)]
        return own.map { shared.overlaid(by: $0) } ?? shared
    }

    /// The next question looks at the database.
    func forget() {
        state.withLock {
            $0.snapshot = nil
            $0.changes += 1
        }
    }

    private func snapshot(_ core: Core) async throws -> Snapshot {
        let now = core.runtime.now()
        let (known, changes) = state.withLock { state -> (Snapshot?, Int) in
            if let snapshot = state.snapshot {
                if state.isLooking || (0..<Self.freshMs).contains(now - snapshot.lookedAt) {
                    return (snapshot, state.changes)
                }
                state.isLooking = true
            }
            return (nil, state.changes)
        }
        if let known { return known }
        defer { state.withLock { $0.isLooking = false } }
        let earlier = state.withLock { $0.snapshot }
        let found = try await look(earlier, now, core)
        state.withLock { state in
            if state.changes == changes { state.snapshot = found }
        }
        return found
    }

    private func look(_ earlier: Snapshot?, _ now: Instant, _ core: Core) async throws -> Snapshot {
        let (rows, opened) = try await core.database.read(snapshot: true) { db in
            let rows = try ConnectorSettingStore.all(db)
            // Most looks find what the last one found: nothing is opened again.
            guard rows != earlier?.rows else { return (rows, [(Place, String, String)]?.none) }
            return (rows, try rows.compactMap { try Self.open($0, core, db) })
        }
        guard let opened else { return Snapshot(rows: rows, settings: earlier?.settings ?? [:], lookedAt: now) }
        var values: [Place: [String: String]] = [:]
        for (place, name, value) in opened { values[place, default: [:]][name] = value }
        return Snapshot(rows: rows, settings: values.mapValues { ConnectorSettings($0) }, lookedAt: now)
    }

    /// A value that does not open is as if it were not set; the others are not to notice.
    private static func open(
        _ row: ConnectorSettingStore.Setting, _ core: Core, _ db: any SQLConnection
    ) throws -> (Place, String, String)? {
        do {
            let plain = try core.vault.open(row.sealed, sealing(row.key), on: db)
            let key = row.key
            let place = Place(kind: key.kind, connector: key.connector, institution: key.institution)
            return (place, key.name, String(decoding: plain, as: UTF8.self))
        } catch let error as VaultError {
            core.logger.error(
                "a connector's setting cannot be opened; set it again",
                metadata: ["connector": "\(row.key.connector)", "key": "\(row.key.name)", "error": "\(error)"])
            return nil
        }
    }

    /// Sealed for its place: a value that is moved to another row does not open.
    static func sealing(_ key: ConnectorSettingStore.Key) -> SealContext {
        let place = [key.kind.rawValue, key.connector, key.institution, key.name].joined(separator: "/")
        return SealContext(environmentID: 0, connectionID: nil, purpose: "connector_setting/\(place)")
    }
}

extension Core {
    /// What every call to a bank carries, with what the operator set for it.
    /// - Throws: `provider_unavailable` while the settings cannot be read.
    func bankContext(
        _ environment: Domain.Environment, _ institution: String, connector: String, correlationID: String,
        isUserPresent: Bool = false
    ) async throws(ConnectorError) -> ConnectorContext {
        ConnectorContext(
            environmentID: environment.id, institution: institution, now: environment.virtual(runtime.now()),
            correlationID: correlationID, isUserPresent: isUserPresent,
            settings: try await settings(of: connector, institution, environment.kind))
    }

    /// What an operator set for a connector, for one institution or, with an empty one, for all.
    /// - Throws: `provider_unavailable` while it cannot be read.
    func settings(
        of connector: String, _ institution: String = "", _ kind: EnvironmentKind
    ) async throws(ConnectorError) -> ConnectorSettings {
        do {
            return try await settingsBook.settings(connector, institution: institution, kind, self)
        } catch {
            logger.warning("settings of connectors were not read", metadata: ["error": "\(error)"])
            throw ConnectorError(.providerUnavailable)
        }
    }
}
