import Connectors
import Domain
import Storage

/// Who serves an institution.
public struct ServedInstitution: Sendable, Equatable {
    public let institution: Institution
    /// The connector's id; nil when nothing serves it.
    public let connector: String?
    public let access: BankAccess?
}

/// What a look at one connector found.
public struct ConnectorReport: Sendable, Equatable {
    /// One thing that was looked at, and what to do when it is wrong.
    public struct Line: Sendable, Equatable {
        public let isGood: Bool
        public let text: String
    }

    public let connector: String
    /// How many institutions it serves.
    public let serves: Int
    public internal(set) var lines: [Line] = []
    public var isGood: Bool { lines.allSatisfy(\.isGood) }

    mutating func add(_ isGood: Bool, _ text: String) { lines.append(Line(isGood: isGood, text: text)) }
}

/// What a bank's connector can do for a customer.
public struct InstitutionOffer: Sendable, Equatable {
    /// In the order of the wire.
    public let products: [String]
    public let historyMonthsMax: Int
    /// Rows come before they are booked.
    public let reportsPending: Bool
    /// Data comes without the person.
    public let isUnattended: Bool
    public let pushes: Bool
    /// What it makes of the money that comes in.
    public let income: Bool
    /// Its own statement of an account.
    public let statement: Bool
}

extension InstitutionService {
    /// What the connector that serves a bank in environments of this kind can do.
    public func offers(_ institution: Institution, _ kind: EnvironmentKind) -> InstitutionOffer {
        let stated =
            core.connectors.connector(for: institution.slug, in: kind)?.descriptor.capabilities
            ?? Capabilities(products: [])
        return InstitutionOffer(
            products: ProductSet(stated.products).names, historyMonthsMax: stated.historyMonthsMax,
            reportsPending: stated.reportsPending, isUnattended: stated.isUnattended, pushes: stated.pushes,
            income: stated.offersIncome, statement: stated.offersStatement)
    }

    /// Every institution with what serves it in environments of this kind, by slug.
    public func served(_ kind: EnvironmentKind) -> [ServedInstitution] {
        InstitutionCatalog.all.map { institution in
            let descriptor = core.connectors.connector(for: institution.slug, in: kind)?.descriptor
            return ServedInstitution(
                institution: institution, connector: descriptor?.id, access: descriptor?.access)
        }
    }

    /// Looks at the settings of the connectors of an environment, and asks each whether it reaches its bank.
    /// - Parameters:
    ///   - connector: only this one.
    ///   - offline: asks nobody.
    /// - Throws: `invalid` for a connector that is not installed.
    public func check(
        _ kind: EnvironmentKind, connector id: String? = nil, offline: Bool = false
    ) async throws -> [ConnectorReport] {
        if let id, core.connectors.connector(id: id) == nil {
            let known = core.connectors.connectors.map(\.descriptor.id).sorted().joined(separator: ", ")
            throw DomainError.invalid("the connector", "must be one of these: \(known).")
        }
        let set = try await core.database.read { try ConnectorSettingStore.all($0) }.map(\.key)
        var reports: [ConnectorReport] = []
        for connector in core.connectors.connectors {
            let descriptor = connector.descriptor
            guard id == nil || id == descriptor.id, descriptor.environments.contains(kind) else { continue }
            let slugs = core.connectors.institutions(in: kind)
                .filter { core.connectors.connector(for: $0, in: kind)?.descriptor.id == descriptor.id }.sorted()
            reports.append(
                await report(connector, slugs, kind, set.filter { $0.kind == kind }, offline: offline))
        }
        return reports
    }

    private func report(
        _ connector: any Connector, _ slugs: [String], _ kind: EnvironmentKind, _ set: [ConnectorSettingStore.Key],
        offline: Bool
    ) async -> ConnectorReport {
        let descriptor = connector.descriptor
        var report = ConnectorReport(connector: descriptor.id, serves: slugs.count)
        guard let first = slugs.first else {
            report.add(
                true, "not in use: no rule gives it an institution in \(kind.rawValue) (docs/connectors/README.md)")
            return report
        }
        // Settings of one institution are looked at beside those of all.
        let own = Set(set.filter { $0.connector == descriptor.id && !$0.institution.isEmpty }.map(\.institution))
        var places = own.intersection(slugs).sorted()
        if slugs.contains(where: { !own.contains($0) }) { places.insert("", at: 0) }
        for place in places {
            await look(connector, place, first: place.isEmpty ? first : place, kind, offline: offline, &report)
        }
        for key in set where key.connector == descriptor.id && !descriptor.takesOtherSettings {
            guard !descriptor.settings.contains(where: { $0.key == key.name }) else { continue }
            report.add(false, "the setting \(key.name) means nothing to it: unset it")
        }
        if descriptor.capabilities.pushes {
            report.add(true, "its pushes go to \(core.settings.publicURL)/upstream/\(descriptor.id)")
        }
        return report
    }

    private func look(
        _ connector: any Connector, _ place: String, first: String, _ kind: EnvironmentKind, offline: Bool,
        _ report: inout ConnectorReport
    ) async {
        let descriptor = connector.descriptor
        let whose = place.isEmpty ? "" : " for \(place)"
        let settings: ConnectorSettings
        do {
            settings = try await core.settings(of: descriptor.id, place, kind)
        } catch {
            report.add(false, "its settings\(whose) cannot be read: \(error.message)")
            return
        }
        var isComplete = true
        for need in descriptor.settings where need.isRequired && (settings[need.key] ?? "").isEmpty {
            isComplete = false
            let options = (place.isEmpty ? "" : " --institution \(place)") + " --environment \(kind.rawValue)"
            report.add(
                false,
                "\(need.key) is not set\(whose): \(need.help) "
                    + "Run `kubewa institutions set \(descriptor.id) \(need.key)\(options)`")
        }
        if isComplete, descriptor.settings.contains(where: \.isRequired) {
            report.add(true, "its required settings are there\(whose)")
        }
        guard isComplete, !offline else { return }
        let context = ConnectorContext(
            environmentID: 0, institution: first, now: core.runtime.now(), correlationID: "check", settings: settings)
        do throws(ConnectorError) {
            try await connector.check(context)
            report.add(true, "it answers\(whose)")
        } catch {
            let code = error.upstreamCode.map { " (\($0))" } ?? ""
            report.add(false, "it does not answer well\(whose): \(error)\(code). \(Self.advice(error))")
        }
    }

    private static func advice(_ error: ConnectorError) -> String {
        switch error.code {
        case .clientMisconfigured, .invalidCredentials, .accessDenied:
            "Look at the keys and addresses that are set for it."
        case .providerUnavailable, .notReady, .outcomeUnknown:
            "See whether the server reaches it, and whether the bank is up."
        case .rateLimited: "Try again later."
        default: "See its page in docs/connectors."
        }
    }
}
