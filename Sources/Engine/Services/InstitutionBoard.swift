import Connectors
import Domain
import Logging
import Storage
import Synchronization

/// A bank as a list of banks shows it.
public struct ListedInstitution: Sendable, Equatable {
    public let institution: Institution
    public let category: String
    public let health: InstitutionHealth
    /// Since when it is so; nil while it was never otherwise, or where the bank itself says so.
    public let healthSince: Instant?
    /// The end of the maintenance that is under way.
    public let maintenanceUntil: Instant?
    /// How a person gets to it.
    public let access: BankAccess
    /// `healthy`, `degraded` or `down`.
    public var healthName: String { health.rawValue }
}

/// The banks that can be linked, the best known first, with their health as of the last minute at most.
///
/// Health is the worse of what a connector says of its bank and of how calls went; a bank in maintenance is down.
final class InstitutionBoard: Sendable {
    /// What connectors say is asked again after so long; what is in the database, sooner.
    private static let saidMs: Int64 = 60_000
    private static let measuredMs: Int64 = 2000
    /// So many sandboxes are remembered.
    private static let environmentsMax = 1000
    /// The order in which most people look for their bank.
    private static let popular = [
        "access-bank", "guaranty-trust-bank", "zenith-bank", "united-bank-for-africa", "first-bank-of-nigeria",
        "kuda-bank", "opay", "fidelity-bank", "union-bank-of-nigeria", "stanbic-ibtc-bank", "sterling-bank",
        "first-city-monument-bank", "wema-bank", "alat", "polaris-bank", "ecobank-nigeria", "moniepoint", "palmpay",
    ]
    /// By the first digits of the code that NIBSS gives; they name the kind of licence.
    private static let categories = [
        "000": "bank", "060": "merchant", "070": "mortgage", "090": "microfinance", "100": "mobile_money",
        "110": "mobile_money", "120": "payment_service",
    ]

    private struct Said {
        var troubled: [String: InstitutionHealth]
        var until: Instant
    }
    private struct Measured {
        var health: [String: (health: InstitutionHealth, since: Instant)] = [:]
        var maintenance: [String: [MaintenanceWindow]] = [:]
        /// Machine time.
        var until: Instant
    }

    private let said = Mutex<[String: Said]>([:])
    private let measured = Mutex<[Int64: Measured]>([:])

    /// - Parameters:
    ///   - environment: whose measured health is shown; nil shows of a sandbox what its bank says, and of production
    ///     what is measured for all.
    ///   - isMeasuredOnly: what banks say of themselves is left out, and they are not asked.
    func list(
        _ kind: EnvironmentKind, of environment: Domain.Environment? = nil, isMeasuredOnly: Bool = false, _ core: Core
    ) async -> [ListedInstitution] {
        let connectors = core.connectors.connectors.filter { $0.descriptor.environments.contains(kind) }
        var troubled: [String: InstitutionHealth] = [:]
        for connector in connectors where !isMeasuredOnly {
            troubled.merge(await self.troubled(connector, core)) { first, _ in first }
        }
        let measured = await measured(kind, environment, core)
        let now = environment?.virtual(core.runtime.now()) ?? core.runtime.now()
        let served = core.connectors.institutions(in: kind)
        let rank = Dictionary(uniqueKeysWithValues: Self.popular.enumerated().map { ($0.element, $0.offset) })
        return InstitutionCatalog.all.filter { served.contains($0.slug) }
            .sorted {
                (rank[$0.slug] ?? Int.max, $0.name.lowercased()) < (rank[$1.slug] ?? Int.max, $1.name.lowercased())
            }
            .map { institution in
                let slug = institution.slug
                let until = measured.maintenance[slug]?.compactMap { $0.end(at: now) }.max()
                let known = [troubled[slug], measured.health[slug]?.health, until == nil ? nil : .down]
                return ListedInstitution(
                    institution: institution, category: Self.category(institution),
                    health: known.compactMap { $0 }.max { $0.badness < $1.badness } ?? .healthy,
                    healthSince: measured.health[slug]?.since, maintenanceUntil: until,
                    access: core.connectors.connector(for: slug, in: kind)?.descriptor.access ?? .login)
            }
    }

    private func troubled(_ connector: any Connector, _ core: Core) async -> [String: InstitutionHealth] {
        let id = connector.descriptor.id
        let now = core.runtime.now()
        if let hit = said.withLock({ $0[id] }), hit.until > now { return hit.troubled }
        let context = ConnectorContext(
            environmentID: 0, institution: connector.descriptor.institutions.min() ?? "", now: now,
            correlationID: "health")
        let troubled = await connector.troubled(context)
        said.withLock { $0[id] = Said(troubled: troubled, until: now + Self.saidMs) }
        return troubled
    }

    private func measured(
        _ kind: EnvironmentKind, _ environment: Domain.Environment?, _ core: Core
    ) async -> Measured {
        let id = kind == .production ? 0 : environment?.id ?? -1
        let now = core.runtime.now()
        if let hit = measured.withLock({ $0[id] }), hit.until > now { return hit }
        var found = Measured(until: now + Self.measuredMs)
        do {
            let (health, windows) = try await core.database.read { db in
                (try BankStore.troubled(environment: id, db), try BankStore.maintenance(kind, db))
            }
            found.health = health
            for row in windows { found.maintenance[row.institution, default: []].append(row.window) }
        } catch {
            // A list of banks is shown also while the database is away.
            core.logger.warning("no look at the health of banks", metadata: ["error": "\(error)"])
        }
        let kept = found
        measured.withLock { known in
            if known.count >= Self.environmentsMax { known.removeAll() }
            known[id] = kept
        }
        return found
    }

    static func category(_ institution: Institution) -> String {
        if let code = institution.nipCode, let known = categories[String(code.prefix(3))] { return known }
        let name = institution.name.lowercased()
        if name.contains("microfinance") { return "microfinance" }
        if name.contains("mortgage") { return "mortgage" }
        return institution.sortCode == nil ? "other" : "bank"
    }
}
