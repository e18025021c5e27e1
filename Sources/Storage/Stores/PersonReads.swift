import Domain

/// Which customers are listed.
public enum CustomerFilter: Sendable, Equatable {
    case all
    case id(String)
    case bvn(index: String)
    case name(String)

    var choice: NounReads.Choice {
        switch self {
        case .all: .all
        case .id(let id): .one("id", .text(id))
        case .bvn(let index): .one("bvn_index", .text(index))
        case .name(let name): .some("name", .text(name))
        }
    }
}

/// Customers as they are shown. The columns are `CustomerColumn`'s.
public enum CustomerReads {
    private static let noun = NounReads(
        list: "customers", table: "customer", columns: "id, name, created_at_ms, updated_at_ms",
        one: ["id", "bvn_index"], some: [], scan: ["name"])

    /// Shows one page's rows to `write`.
    /// - Returns: how many there are in all.
    public static func list(
        _ filter: CustomerFilter, _ page: PageRequest, _ scope: Scope, _ db: any SQLConnection,
        _ write: (borrowing Row) throws -> Void
    ) throws -> Int64 {
        try noun.list(filter.choice, page, scope, db, write)
    }

    private static let nameSQL = "SELECT name FROM customer WHERE environment_id = $1 AND id = $2"

    /// The customer's name; nil when it is not known or there is no such customer.
    public static func name(_ id: String, _ scope: Scope, _ db: any SQLConnection) throws -> String? {
        try db.first(nameSQL, [.integer(scope.environmentID), .text(id)]) { $0.textOrNil(0) } ?? nil
    }
}

/// Which identities are listed.
public enum IdentityFilter: Sendable, Equatable {
    case all
    case id(String)
    case customer(String)
    case connection(String)
    case bvn(index: String)

    var choice: NounReads.Choice {
        switch self {
        case .all: .all
        case .id(let id): .one("id", .text(id))
        case .connection(let id): .one("connection_id", .text(id))
        case .customer(let id): .some("customer_id", .text(id))
        case .bvn(let index): .some("bvn_index", .text(index))
        }
    }
}

/// Identities as they are shown; their details are sealed. The columns are `IdentityColumn`'s.
public enum IdentityReads {
    private static let noun = NounReads(
        list: "identities", table: "identity",
        columns: "id, connection_id, customer_id, sealed, created_at_ms, updated_at_ms",
        one: ["id", "connection_id"], some: ["customer_id", "bvn_index"])

    /// Shows one page's rows to `write`.
    /// - Returns: how many there are in all.
    public static func list(
        _ filter: IdentityFilter, _ page: PageRequest, _ scope: Scope, _ db: any SQLConnection,
        _ write: (borrowing Row) throws -> Void
    ) throws -> Int64 {
        try noun.list(filter.choice, page, scope, db, write)
    }
}
