import Domain

/// Makes and shows sandbox customers, as Okra's sandbox does: `customers/create`, `generate`, `list`, `get`.
public struct SandboxCustomers: Sendable {
    public static let generatedMax = 10
    public static let createdMax = 100
    static let namesTriedMax = 20

    private let book: any SandboxBook
    private let runtime: any Runtime

    public init(book: any SandboxBook, runtime: any Runtime) {
        self.book = book
        self.runtime = runtime
    }

    /// What commits together with customers that are made.
    public typealias Also = @Sendable ([SandboxCustomer]) -> UnitStep

    /// Makes customers out of one JSON object or an array of them; all or none.
    /// - Throws: `DomainError` that names the member, in an array with its place: `[1].bank`.
    public func create(
        _ body: JSONValue, environmentID: Int64, also: Also? = nil
    ) async throws -> [SandboxCustomer] {
        var drafts: [(draft: SandboxDraft, at: String)] = []
        switch body {
        case .array(let values):
            guard !values.isEmpty, values.count <= Self.createdMax else {
                throw DomainError(.invalidField, "Send 1 to \(Self.createdMax) customers at once.")
            }
            for (index, value) in values.enumerated() {
                drafts.append((try SandboxDraft(value, at: "[\(index)]."), "[\(index)]."))
            }
        case .object:
            drafts = [(try SandboxDraft(body), "")]
        default:
            throw DomainError(.invalidJSON, "Send a customer, or an array of customers.")
        }
        return try await create(drafts, environmentID, also)
    }

    /// Makes customers out of drafts; all or none.
    /// - Throws: `DomainError` that names the member, among several with its place: `[1].bank`.
    public func create(
        _ drafts: [SandboxDraft], environmentID: Int64, also: Also? = nil
    ) async throws -> [SandboxCustomer] {
        try await create(
            drafts.enumerated().map { ($0.element, drafts.count == 1 ? "" : "[\($0.offset)].") }, environmentID, also)
    }

    private func create(
        _ drafts: [(draft: SandboxDraft, at: String)], _ environmentID: Int64, _ also: Also?
    ) async throws -> [SandboxCustomer] {
        let now = try await book.now(environmentID: environmentID)
        let taken = try await book.takenUsernames(drafts.map(\.draft.username), environmentID: environmentID)
        var names = taken
        var customers: [SandboxCustomer] = []
        for (draft, at) in drafts {
            let institution = try draft.check(at: at)
            guard names.insert(draft.username).inserted else {
                throw DomainError(
                    .conflict, "`\(at)username` \(draft.username) is taken in this environment. Choose another.",
                    field: "\(at)username")
            }
            customers.append(
                SandboxCustomer(id: runtime.newID(), draft: draft, institution: institution.slug, createdAt: now))
        }
        try await book.addCustomers(customers, environmentID: environmentID, also: also?(customers))
        return customers
    }

    /// Drafts to look over and post back to `create`.
    /// - Throws: `DomainError` unless `number` is 1 to 10.
    public func drafts(number: Int, environmentID: Int64) async throws -> [SandboxDraft] {
        guard (1...Self.generatedMax).contains(number) else {
            throw DomainError.invalid("number", "must be 1 to \(Self.generatedMax).")
        }
        var random = SandboxRandom(runtime.randomBytes(8).reduce(0) { $0 << 8 | UInt64($1) })
        var drafts: [SandboxDraft] = []
        for _ in 0..<Self.namesTriedMax where drafts.count < number {
            let more = (drafts.count..<number).map { _ in Self.draft(&random) }
            var taken = try await book.takenUsernames(more.map(\.username), environmentID: environmentID)
            taken.formUnion(drafts.map(\.username))
            for draft in more where taken.insert(draft.username).inserted { drafts.append(draft) }
        }
        return drafts
    }

    /// Drafts that are created at once.
    public func generate(
        number: Int, environmentID: Int64, also: Also? = nil
    ) async throws -> [SandboxCustomer] {
        try await create(
            try await drafts(number: number, environmentID: environmentID), environmentID: environmentID, also: also)
    }

    private static func draft(_ random: inout SandboxRandom) -> SandboxDraft {
        let first = random.pick(SandboxPools.firstNames)
        let isCompany = random.isOneIn(5)
        let name = isCompany ? random.pick(SandboxPools.companies) : "\(first) \(random.pick(SandboxPools.lastNames))"
        var draft = SandboxDraft(
            name: name, bank: random.pick(SandboxPools.bankSlugs), username: "\(first)\(random.between(100, 99_999))",
            password: random.pick(SandboxPools.firstNames), accountCount: 1 + random.below(4),
            kind: isCompany ? .corp : .ind)
        draft.identity = random.pick([10, 30, 60, 75, 100])
        draft.volume = random.pick(SandboxCustomer.Volume.allCases)
        draft.internetSpeed = 2 + random.below(4)
        return draft
    }

    /// One page, newest first, and how many there are. Pages count from 1.
    public func list(
        page: Int, limit: Int, environmentID: Int64
    ) async throws -> (rows: [SandboxCustomer], total: Int64) {
        try await book.customers(page: page, limit: limit, environmentID: environmentID)
    }

    /// One customer by its id.
    /// - Throws: `DomainError.notFound`, also when `id` is not well formed.
    public func get(_ id: String, environmentID: Int64) async throws -> SandboxCustomer {
        guard let id = ID<SandboxCustomer>(id),
            let customer = try await book.customer(id: id, environmentID: environmentID)
        else { throw DomainError.notFound("sandbox customer") }
        return customer
    }
}

extension SandboxDraft {
    static let nameMax = 100
    static let wordMax = 64

    /// Reads Okra's members: noOfAccount, name, bank, username, password, type, volume, identity, internetSpeed.
    init(_ value: JSONValue, at: String = "") throws(DomainError) {
        guard value.members != nil else {
            throw DomainError(.invalidField, "`\(at.isEmpty ? "body" : String(at.dropLast()))` must be a JSON object.")
        }
        func text(_ name: String) throws(DomainError) -> String {
            guard let found = value[name], !found.isNull else { throw .missing(at + name) }
            guard let text = found.text else { throw .invalid(at + name, "must be a string.") }
            return text
        }
        func number(_ name: String) throws(DomainError) -> Int {
            guard let found = value[name], !found.isNull else { throw .missing(at + name) }
            if case .integer(let number) = found, let number = Int(exactly: number) { return number }
            if let text = found.text, let number = Int(text) { return number }
            throw .invalid(at + name, "must be a whole number.")
        }
        func choice<T: RawRepresentable & CaseIterable>(
            _ name: String, _ type: T.Type
        ) throws(DomainError) -> T where T.RawValue == String {
            if let choice = T(rawValue: try text(name)) { return choice }
            let known = T.allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalid(at + name, "must be one of: \(known).")
        }
        self.init(
            name: try text("name"), bank: try text("bank"), username: try text("username"),
            password: try text("password"), accountCount: try number("noOfAccount"),
            kind: try choice("type", SandboxCustomer.Kind.self))
        volume = try choice("volume", SandboxCustomer.Volume.self)
        identity = try number("identity")
        internetSpeed = try number("internetSpeed")
        _ = try check(at: at)
    }

    /// - Returns: the institution that `bank` names.
    func check(at: String = "") throws(DomainError) -> Institution {
        func size(_ name: String, _ text: String, _ max: Int) throws(DomainError) {
            let isPlain = text.unicodeScalars.allSatisfy { $0.value >= 32 && $0.value != 127 }
            guard !text.isEmpty, text.count <= max, isPlain else {
                throw .invalid(at + name, "must have 1 to \(max) characters and no control characters.")
            }
        }
        func range(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(DomainError) {
            guard range.contains(value) else {
                throw .invalid(at + name, "must be \(range.lowerBound) to \(range.upperBound).")
            }
        }
        try range("noOfAccount", accountCount, 1...5)
        try size("name", name, Self.nameMax)
        guard let institution = InstitutionCatalog.find(slugOrID: bank) else {
            throw DomainError(
                .unknownInstitution,
                "`\(at)bank` is not an institution here. Use a slug or an id of the list of banks.",
                field: at + "bank")
        }
        try size("username", username, Self.wordMax)
        guard SandboxScenario(rawValue: username) == nil else {
            throw .invalid(at + "username", "is the name of a scenario, which every institution plays. Choose another.")
        }
        try size("password", password, Self.wordMax)
        try range("identity", identity, 1...100)
        try range("internetSpeed", internetSpeed, 2...5)
        return institution
    }
}
