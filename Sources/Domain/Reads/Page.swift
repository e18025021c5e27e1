/// Which part of a list is asked for. Days are inclusive.
public struct PageRequest: Sendable, Hashable {
    public static let limitDefault = 20
    public static let limitMax = 1000
    /// So that `page × limit` stays far from overflow.
    public static let pageMax = 1_000_000_000

    public let page: Int
    public let limit: Int
    public var from: LocalDate?
    public var to: LocalDate?

    /// Values outside the limits are moved to the nearest one.
    public init(page: Int = 1, limit: Int = PageRequest.limitDefault, from: LocalDate? = nil, to: LocalDate? = nil) {
        self.page = min(max(page, 1), PageRequest.pageMax)
        self.limit = min(max(limit, 1), PageRequest.limitMax)
        self.from = from
        self.to = to
    }

    /// Rows before the page.
    public var skip: Int64 { Int64(page - 1) * Int64(limit) }

    /// Whether the day lies in the asked range, both ends included; an open end limits nothing.
    public func contains(_ day: LocalDate) -> Bool {
        (from.map { $0 <= day } ?? true) && (to.map { day <= $0 } ?? true)
    }
}

/// What a list says about itself, by the arithmetic of mongoose-paginate.
public struct PageInfo: Sendable, Equatable {
    public let total: Int64
    public let page: Int
    public let limit: Int

    public init(total: Int64, of request: PageRequest) {
        self.total = max(0, total)
        page = request.page
        limit = request.limit
    }

    /// At least 1, also for an empty list.
    public var pages: Int { max(1, Int((total + Int64(limit) - 1) / Int64(limit))) }
    public var previous: Int? { page > 1 ? page - 1 : nil }
    public var next: Int? { page < pages ? page + 1 : nil }
    /// The number that the page's first row has in the whole list, from 1.
    public var firstNumber: Int64 { Int64(page - 1) * Int64(limit) + 1 }
}

/// One page, its items already written and separated by commas.
public struct Listing: Sendable {
    public let info: PageInfo
    public let items: [UInt8]
    /// Whose data is shown, each once; nil where no connection's is.
    public var connections: [String]?
    /// What was read of their freshness together with the items.
    public var facts: [FreshnessFacts] = []
    /// How fresh they are as an array's elements, by the reply's own form; never kept.
    public var freshness: [UInt8] = []

    public init(info: PageInfo, items: [UInt8], connections: [String]? = nil, facts: [FreshnessFacts] = []) {
        self.info = info
        self.items = items
        self.connections = connections
        self.facts = facts
    }

    /// The first item with `freshness` as its last member; nil when there is none.
    public var only: [UInt8]? {
        guard !items.isEmpty else { return nil }
        guard connections != nil else { return items }
        let fresh = freshness.isEmpty ? Array("null".utf8) : freshness
        return items.dropLast() + Array(",\"freshness\":".utf8) + fresh + [UInt8(ascii: "}")]
    }
}
