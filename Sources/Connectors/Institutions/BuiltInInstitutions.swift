import Domain

/// The institutions that come with Kubewa, by Okra's slugs and ids where Okra had them.
///
/// The list is data (`InstitutionRows`, written by `scripts/generate-institutions`); where it comes from and under
/// which licence is told in docs/connectors/institutions.md.
enum BuiltInInstitutions {
    static let all: [Institution] = read(InstitutionRows.all)

    static let aliases: [String: String] = Dictionary(
        InstitutionRows.aliases.split(separator: "\n").map { line in
            let parts = line.split(separator: "|", omittingEmptySubsequences: false)
            return (String(parts[0]), String(parts[1]))
        }, uniquingKeysWith: { first, _ in first }
    ).merging(formerNames) { first, _ in first }

    /// Institutions of the list that another one took over.
    static let successors = [
        // 2019
        "access-bank-diamond": "access-bank",
        // 2025
        "titan-trust-bank": "union-bank-of-nigeria",
    ]

    /// Names of banks that were gone before the list was made.
    private static let formerNames = [
        "diamond-bank": "access-bank-diamond", "skye-bank": "polaris-bank", "intercontinental-bank": "access-bank",
        "oceanic-bank": "ecobank-nigeria", "bank-phb": "keystone-bank", "finbank": "first-city-monument-bank",
        "equitorial-trust-bank": "sterling-bank", "enterprise-bank": "heritage-bank",
    ]

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
            slug: slug, id: field(1).map { ID(trusted: $0) } ?? InstitutionDirectory.derivedID(slug: slug),
            name: String(fields[2]), cbnCode: code, nipCode: field(4), sortCode: field(5), ussd: field(6),
            nubanCode: code.map(AccountNumber.institutionCode), successor: successors[slug])
    }
}
