import Connectors
import Domain
import Synchronization

/// A bank as a list of banks shows it.
public struct ListedInstitution: Sendable, Equatable {
    public let institution: Institution
    public let category: String
    public let health: InstitutionHealth
    /// `healthy`, `degraded` or `down`.
    public var healthName: String { health.rawValue }
}

/// The banks that can be linked, the best known first, with their health as of the last minute.
final class InstitutionBoard: Sendable {
    private static let freshMs: Int64 = 60_000
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

    private struct Known {
        var troubled: [String: InstitutionHealth]
        var until: Instant
    }

    private let known = Mutex<[String: Known]>([:])

    func list(_ kind: EnvironmentKind, _ core: Core) async -> [ListedInstitution] {
        let connectors = core.connectors.connectors.filter { $0.descriptor.environments.contains(kind) }
        var health: [String: InstitutionHealth] = [:]
        for connector in connectors { health.merge(await troubled(connector, core)) { first, _ in first } }
        let served = core.connectors.institutions(in: kind)
        let rank = Dictionary(uniqueKeysWithValues: Self.popular.enumerated().map { ($0.element, $0.offset) })
        return InstitutionCatalog.all.filter { served.contains($0.slug) }
            .sorted {
                (rank[$0.slug] ?? Int.max, $0.name.lowercased()) < (rank[$1.slug] ?? Int.max, $1.name.lowercased())
            }
            .map {
                ListedInstitution(
                    institution: $0, category: Self.category($0), health: health[$0.slug] ?? .healthy)
            }
    }

    private func troubled(_ connector: any Connector, _ core: Core) async -> [String: InstitutionHealth] {
        let id = connector.descriptor.id
        let now = core.runtime.now()
        if let hit = known.withLock({ $0[id] }), hit.until > now { return hit.troubled }
        let context = ConnectorContext(
            environmentID: 0, institution: connector.descriptor.institutions.min() ?? "", now: now,
            correlationID: "health")
        let troubled = await connector.troubled(context)
        known.withLock { $0[id] = Known(troubled: troubled, until: now + Self.freshMs) }
        return troubled
    }

    static func category(_ institution: Institution) -> String {
        if let code = institution.nipCode, let known = categories[String(code.prefix(3))] { return known }
        let name = institution.name.lowercased()
        if name.contains("microfinance") { return "microfinance" }
        if name.contains("mortgage") { return "mortgage" }
        return institution.sortCode == nil ? "other" : "bank"
    }
}
