import Connectors
import Domain
import FoundationEssentials
import Storage

/// Fills the slots of templates for one page: every customer, account, institution and login that its rows name is
/// read and written once. It lives inside one `Database.read`.
final class RowNames {
    static let earlierBalancesMax = 10

    private let db: any SQLConnection
    private let scope: Scope
    private let vault: Vault
    private let forms: any RowForms
    private let keys: RowKeys
    private let environment: [UInt8]
    private let owner: String
    private let ownerJSON: [UInt8]
    private let project: [UInt8]

    private var banks = Written()
    private var details = Written()
    private var customers = Written()
    private var accounts = Written()
    private var connections: [String: ConnectionFacts] = [:]
    private var reports: [String: ConnectionReport] = [:]
    /// Whose rows were shown, each once; nil for nouns that no connection brought.
    private(set) var shown: [String]?
    private var lastShown: [UInt8] = []

    init(
        _ db: any SQLConnection, _ environment: Domain.Environment, _ vault: Vault, _ forms: any RowForms,
        _ keys: RowKeys
    ) {
        self.db = db
        scope = environment.scope
        self.vault = vault
        self.forms = forms
        self.keys = keys
        shown = keys.connection == nil ? nil : []
        self.environment = Array("\"\(environment.kind.okraName)\"".utf8)
        owner = environment.tenantID.hex
        ownerJSON = Array("\"\(owner)\"".utf8)
        project = Array("\"\(environment.projectID)\"".utf8)
    }

    /// Notes whose row it is. Rows of a page mostly are of one connection.
    func note(_ row: borrowing Row) {
        guard let column = keys.connection, !row.holds(column, lastShown) else { return }
        lastShown = row.blob(column)
        let id = row.text(column)
        if shown?.contains(id) == false { shown?.append(id) }
    }

    func write(_ slot: RowSlot, _ row: borrowing Row, _ page: PageBuffer) throws {
        switch slot {
        case .environment: page.append(environment)
        case .owner: page.append(ownerJSON)
        case .project: page.append(project)
        case .bank:
            banks.write(row, keys.institution, page) { slug, out in forms.bank(institution(slug), &out) }
        case .bankDetail:
            details.write(row, keys.institution, page) { slug, out in forms.bankDetail(institution(slug), &out) }
        case .customer:
            try customers.write(row, keys.customer, page) { id, out in
                forms.customer(id: id, name: try CustomerReads.name(id, scope, db), &out)
            }
        case .account:
            try accounts.write(row, keys.account, page) { id, out in
                guard let named = try AccountReads.named(.id(id), scope, db).first else { return out.null() }
                forms.account(facts(named, number: nil), &out)
            }
        default:
            var out = JSONWriter()
            try writeRare(slot, row, &out)
            page.append(out.bytes)
        }
    }

    private func writeRare(_ slot: RowSlot, _ row: borrowing Row, _ out: inout JSONWriter) throws {
        switch slot {
        case .bankNamed: forms.bankNamed(institution(row.text(keys.institution ?? 0)), &out)
        case .bankID: out.string(institution(row.text(keys.institution ?? 0)).id.hex)
        case .number:
            let number = try number(row)
            number.map { out.string($0) } ?? out.null()
        case .nubanValid:
            let fits = try number(row).flatMap { institution(row.text(keys.institution ?? 0)).fits(accountNumber: $0) }
            fits.map { out.bool($0) } ?? out.null()
        case .balanceAccount:
            let slug = row.text(keys.institution ?? 0)
            let account = AccountFacts(
                id: row.text(keys.account ?? 0), connectionID: row.text(keys.connection ?? 0),
                name: keys.name.flatMap { row.textOrNil($0) }, number: try number(row), mask: nil, institution: slug)
            forms.balanceAccount(account, institution(slug), &out)
        case .periodic:
            let earlier = try AccountReads.history(
                row.text(keys.account ?? 0), limit: Self.earlierBalancesMax, scope, db)
            forms.periodic(earlier, owner: owner, &out)
        case .status: try connection(row).map { forms.status($0, &out) } ?? out.null()
        case .products: try connection(row).map { forms.products($0, &out) } ?? out.null()
        case .usedProducts: try connection(row).map { forms.usedProducts($0, &out) } ?? out.null()
        case .transactions:
            let accounts = try AccountReads.named(.connection(row.text(keys.connection ?? 0)), scope, db).map(\.id)
            out.integer(try TransactionReads.count(accounts: accounts, scope, db))
        case .refresh:
            try refresh(ID<Connection>(trusted: row.text(keys.connection ?? 0))).map { forms.refresh($0, &out) }
                ?? out.null()
        case .state, .lastExecution, .productStatus, .lastSuccess:
            try report(row).map { forms.report(slot, $0, &out) } ?? out.null()
        case .credentials, .records: try writeLogins(slot, row.text(keys.customer ?? 0), &out)
        case .identity: forms.identity(try details(row), &out)
        default: out.null()
        }
    }

    private func writeLogins(_ slot: RowSlot, _ customer: String, _ out: inout JSONWriter) throws {
        let logins = try ConnectionReads.facts(customer: customer, scope, db)
        guard slot == .credentials else {
            return out.array { out in for login in logins { out.string(login.id) } }
        }
        let byID = Dictionary(logins.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        let rows = try AccountReads.named(.customer(customer), scope, db).compactMap { named in
            try byID[named.connectionID].map {
                (
                    $0, facts(named, number: try opened(named.sealed, of: named.connectionID)),
                    institution(named.institution)
                )
            }
        }
        forms.credentials(rows, &out)
    }

    // MARK: other rows

    private func connection(_ row: borrowing Row) throws -> ConnectionFacts? {
        let id = row.text(keys.connection ?? 0)
        if let known = connections[id] { return known }
        let found = try ConnectionReads.facts(id, scope, db)
        connections[id] = found
        return found
    }

    private func report(_ row: borrowing Row) throws -> ConnectionReport? {
        let id = row.text(keys.connection ?? 0)
        if let known = reports[id] { return known }
        let found = try ConnectionReads.report(ID(trusted: id), scope, db)
        reports[id] = found
        return found
    }

    /// nil for a connection that is being removed.
    private func refresh(_ id: ID<Connection>) throws -> RefreshFacts? {
        try ScheduleStore.find(id, scope, db).map { schedule in
            RefreshFacts(
                setting: schedule.setting, nextBalanceAt: schedule.balanceDue,
                nextTransactionsAt: schedule.transactionsDue)
        }
    }

    private func number(_ row: borrowing Row) throws -> String? {
        guard let sealed = keys.sealed else { return nil }
        return try opened(row.blobOrNil(sealed), of: row.text(keys.connection ?? 0))
    }

    private func opened(_ sealed: [UInt8]?, of connection: String) throws -> String? {
        guard let sealed, let plain = try open(sealed, of: connection, purpose: "account_number") else { return nil }
        return String(decoding: plain, as: UTF8.self)
    }

    private func details(_ row: borrowing Row) throws -> IdentityDetails {
        let plain = try open(row.blob(keys.sealed ?? 0), of: row.text(keys.connection ?? 0), purpose: "identity")
        return try plain.map { try JSONDecoder().decode(IdentityDetails.self, from: Data($0)) } ?? IdentityDetails()
    }

    /// nil when the connection's key was shredded: what it sealed is gone for good.
    private func open(_ sealed: [UInt8], of connection: String, purpose: String) throws -> [UInt8]? {
        let context = SealContext(environmentID: scope.environmentID, connectionID: connection, purpose: purpose)
        do {
            return try vault.open(sealed, context, on: db)
        } catch VaultError.shredded {
            return nil
        }
    }

    private func facts(_ named: AccountReads.Named, number: String?) -> AccountFacts {
        AccountFacts(
            id: named.id, connectionID: named.connectionID, name: named.name, number: number, mask: named.mask,
            institution: named.institution)
    }

    private func institution(_ slug: String) -> Institution { ReadService.institution(slug) }
}

/// What was written once and is copied from then on. Rows of a page mostly name what the row before them named.
private struct Written {
    private var lastKey: [UInt8] = []
    private var last: [UInt8] = []
    private var known: [[UInt8]: [UInt8]] = [:]

    mutating func write(
        _ row: borrowing Row, _ column: Int?, _ page: PageBuffer, _ make: (String, inout JSONWriter) throws -> Void
    ) rethrows {
        guard let column else { return page.null() }
        if !last.isEmpty, row.holds(column, lastKey) { return page.append(last) }
        let key = row.blob(column)
        var json = known[key] ?? []
        if json.isEmpty {
            var writer = JSONWriter()
            try make(String(decoding: key, as: UTF8.self), &writer)
            json = writer.bytes
            known[key] = json
        }
        lastKey = key
        last = json
        page.append(json)
    }
}
