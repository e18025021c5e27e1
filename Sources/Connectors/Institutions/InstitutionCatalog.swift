import Domain
import Synchronization

/// Every institution that can be named here: the built-in list, and what an operator's files add to it.
///
/// It is a vocabulary like the currencies, one for the process: the composition installs it before anything is served,
/// and it does not change afterwards.
public enum InstitutionCatalog {
    private static let installed = Mutex(InstitutionDirectory.builtIn)

    /// Takes another list; for the start of a process.
    public static func install(_ directory: InstitutionDirectory) { installed.withLock { $0 = directory } }

    public static var directory: InstitutionDirectory { installed.withLock { $0 } }

    /// In the order of their slugs.
    public static var all: [Institution] { directory.all }

    /// Every other name that leads to an institution, and its slug.
    public static var aliases: [String: String] { directory.aliases }

    public static var slugs: Set<String> { directory.slugs }

    /// By slug, by another slug under which it is known, or by its CBN or NIP code. Case does not matter.
    public static func find(_ name: String) -> Institution? { directory.find(name) }

    /// The institution of that id; nil when the catalogue has none.
    public static func find(id: ID<Institution>) -> Institution? { directory.find(id: id) }

    /// By slug, alias, code or id: what a caller may write where a bank is asked for.
    public static func find(slugOrID text: String) -> Institution? { directory.find(slugOrID: text) }

    /// 12 bytes of SHA-256(slug), for institutions that have no id of Okra's.
    static func derivedID(slug: String) -> ID<Institution> { InstitutionDirectory.derivedID(slug: slug) }
}
