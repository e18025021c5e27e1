import Crypto
import Domain

/// Every institution that can be named here, by Okra's slugs and ids where Okra had them.
///
/// The list is data (`InstitutionRows`, written by `scripts/generate-institutions`); where it comes from and under
/// which licence is told in docs/connectors/institutions.md.
public enum InstitutionCatalog {
    /// In the order of their slugs.
    public static let all: [Institution] = read(InstitutionRows.all)

    /// Every other name that leads to an institution, and its slug.
    public static let aliases: [String: String] = Dictionary(
        InstitutionRows.aliases.split(separator: "\n").map { line in
            let parts = line.split(separator: "|", omittingEmptySubsequences: false)
            return (String(parts[0]), String(parts[1]))
        }, uniquingKeysWith: { first, _ in first })

    public static let slugs: Set<String> = Set(all.map(\.slug))

    private static let bySlug = Dictionary(uniqueKeysWithValues: all.map { ($0.slug, $0) })
    private static let byID = Dictionary(uniqueKeysWithValues: all.map { ($0.id, $0) })

    /// By slug, or by another slug under which it is known. Case does not matter.
    public static func find(_ name: String) -> Institution? {
        let name = name.lowercased()
        return bySlug[name] ?? aliases[name].flatMap { bySlug[$0] }
    }

    /// The institution of that id; nil when the catalogue has none.
    public static func find(id: ID<Institution>) -> Institution? { byID[id] }

    /// By slug, alias or id: what a caller may write where a bank is asked for.
    public static func find(slugOrID text: String) -> Institution? {
        find(text) ?? ID<Institution>(text).flatMap { find(id: $0) }
    }

    /// 12 bytes of SHA-256(slug), for institutions that have no id of Okra's.
    static func derivedID(slug: String) -> ID<Institution> {
        ID(trusted: Hex.encode(SHA256.hash(data: Array(slug.utf8)).prefix(12)))
    }

    private static func read(_ rows: String) -> [Institution] {
        var found: [Institution] = []
        var fields: [Substring] = []
        func flush() {
            guard fields.count > 2 else { return }
            found.append(institution(fields))
        }
        for line in rows.split(separator: "\n") {
            let parts = line.split(separator: "|", omittingEmptySubsequences: false)
            if line.hasPrefix("|") {
                fields += parts.dropFirst()
            } else {
                flush()
                fields = parts
            }
        }
        flush()
        return found
    }

    private static func institution(_ fields: [Substring]) -> Institution {
        func field(_ index: Int) -> String? {
            index < fields.count && !fields[index].isEmpty ? String(fields[index]) : nil
        }
        let slug = String(fields[0])
        let code = field(3)
        return Institution(
            slug: slug, id: field(1).map { ID(trusted: $0) } ?? derivedID(slug: slug), name: String(fields[2]),
            cbnCode: code, nipCode: field(4), sortCode: field(5), ussd: field(6),
            nubanCode: code.map(AccountNumber.institutionCode))
    }
}
