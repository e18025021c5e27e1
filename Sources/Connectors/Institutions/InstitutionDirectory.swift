import Crypto
import Domain

/// A list of institutions and every name that leads to one: its slug, another slug, its id, its CBN or NIP code.
///
/// Slugs of data outlive the list: an institution that was taken over keeps its slug and names its successor.
public final class InstitutionDirectory: Sendable {
    /// In the order of their slugs.
    public let all: [Institution]
    /// Every other name that leads to an institution, and its slug.
    public let aliases: [String: String]
    public let slugs: Set<String>

    private let bySlug: [String: Institution]
    private let byID: [ID<Institution>: Institution]
    private let byCode: [String: Institution]

    /// The built-in list alone.
    public static let builtIn = InstitutionDirectory(
        BuiltInInstitutions.all, aliases: BuiltInInstitutions.aliases)

    /// - Parameters:
    ///   - institutions: of one slug and of one id the last counts.
    ///   - aliases: other names, in lower case, and their slugs.
    public init(_ institutions: [Institution], aliases: [String: String]) {
        bySlug = Dictionary(institutions.map { ($0.slug, $0) }, uniquingKeysWith: { _, last in last })
        all = bySlug.values.sorted { $0.slug < $1.slug }
        slugs = Set(bySlug.keys)
        self.aliases = aliases
        byID = Dictionary(all.map { ($0.id, $0) }, uniquingKeysWith: { _, last in last })
        var codes: [String: Institution] = [:]
        for one in all {
            for case let code? in [one.cbnCode, one.nipCode] {
                // Brands of one bank share its codes: the code means the bank, which is what a sort code belongs to.
                if let known = codes[code], known.sortCode != nil || one.sortCode == nil { continue }
                codes[code] = one
            }
        }
        byCode = codes
    }

    /// By slug, by another slug under which it is known, or by its CBN or NIP code. Case does not matter.
    public func find(_ name: String) -> Institution? {
        let name = name.lowercased()
        return bySlug[name] ?? aliases[name].flatMap { bySlug[$0] } ?? byCode[name]
    }

    /// The institution of that id; nil when the list has none.
    public func find(id: ID<Institution>) -> Institution? { byID[id] }

    /// By slug, alias, code or id: what a caller may write where a bank is asked for.
    public func find(slugOrID text: String) -> Institution? {
        find(text) ?? ID<Institution>(text).flatMap { find(id: $0) }
    }

    /// The institution itself and those that took it over, one after another.
    public func line(of institution: Institution) -> [Institution] {
        var line = [institution]
        while let next = line.last?.successor.flatMap({ bySlug[$0] }), !line.contains(next) { line.append(next) }
        return line
    }

    /// Institutions whose code fits the last digit of an account number, in the order of their slugs. About one in ten
    /// fits any number: a help to pick a bank, and no proof.
    public func fitting(accountNumber: String) -> [Institution] {
        all.filter { $0.fits(accountNumber: accountNumber) == true }
    }

    /// 12 bytes of SHA-256(slug), for institutions that have no id of Okra's.
    static func derivedID(slug: String) -> ID<Institution> {
        ID(trusted: Hex.encode(SHA256.hash(data: Array(slug.utf8)).prefix(12)))
    }
}
