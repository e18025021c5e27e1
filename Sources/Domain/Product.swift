/// What a connection may read.
public enum Product: String, Sendable, CaseIterable, Codable {
    case auth, accounts, balance, transactions, identity

    /// Accepts the names of Okra's widget, `transaction` beside `transactions`.
    public init(wire name: String) throws(DomainError) {
        switch name.lowercased() {
        case "transaction": self = .transactions
        case "account": self = .accounts
        default:
            guard let product = Product(rawValue: name.lowercased()) else {
                let known = Product.allCases.map(\.rawValue).joined(separator: ", ")
                throw DomainError(
                    .unknownProduct, "`\(name.prefix(40))` is not a product. Known here: \(known).", field: "products")
            }
            self = product
        }
    }
}

/// A set of products as one column of text.
public struct ProductSet: Hashable, Sendable {
    public var products: Set<Product>
    public init(_ products: some Sequence<Product>) { self.products = Set(products) }
    public init(column: String) {
        products = Set(column.split(separator: ",").compactMap { Product(rawValue: String($0)) })
    }
    public var column: String { names.joined(separator: ",") }
    public var names: [String] { Product.allCases.filter(products.contains).map(\.rawValue) }
    /// Whether the product is in the set.
    public func contains(_ product: Product) -> Bool { products.contains(product) }
    public static let all = ProductSet(Product.allCases)
}
