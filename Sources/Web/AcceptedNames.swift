import Domain

/// The names that a request of an operation may hold.
enum AcceptedNames: ExpressibleByArrayLiteral {
    case named([String])
    /// The operation looks at each itself.
    case any

    init(arrayLiteral names: String...) { self = .named(names) }

    /// `limit` and `cursor` of a list, after what it is filtered by.
    static func page(_ names: String...) -> AcceptedNames { .named(names + ["limit", "cursor"]) }

    /// - Throws: `invalid_field` for the first that is none of them.
    func check(_ names: some Sequence<String>) throws(DomainError) {
        guard case .named(let known) = self else { return }
        if let other = names.filter({ !known.contains($0) }).min() { throw .unknown(other, known: known) }
    }
}
