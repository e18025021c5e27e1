// The columns of each noun's statement, in the order in which `Storage` selects them; templates use their names.

/// A transaction.
public enum TransactionColumn: String, RowColumn {
    case id, connection, account_id, customer_id, institution, status, amount, currency, day, cleared_day
    case occurred_at, text, counterparty, reference, channel, branch, code, running, revision, created_at, updated_at
    case credit, debit, minor, running_minor, cleared_at
    case bank, customer, account, environment, owner, project

    public var form: ColumnForm {
        switch self {
        case .id: .text(0)
        case .connection: .text(1)
        case .account_id: .text(2)
        case .customer_id: .text(3)
        case .institution: .text(4)
        case .status: .text(5)
        case .amount: .amount(6, currency: 7)
        case .minor: .integer(6)
        case .credit: .credit(6, currency: 7)
        case .debit: .debit(6, currency: 7)
        case .currency: .text(7)
        case .day: .text(8)
        case .cleared_day: .text(9)
        case .cleared_at: .midnight(9)
        case .occurred_at: .instant(10)
        case .text: .text(11)
        case .counterparty: .text(12)
        case .reference: .text(13)
        case .channel: .text(14)
        case .branch: .text(15)
        case .code: .text(16)
        case .running: .amount(17, currency: 7)
        case .running_minor: .integer(17)
        case .revision: .integer(18)
        case .created_at: .instant(19)
        case .updated_at: .instant(20)
        case .bank: .slot(.bank)
        case .customer: .slot(.customer)
        case .account: .slot(.account)
        case .environment: .slot(.environment)
        case .owner: .slot(.owner)
        case .project: .slot(.project)
        }
    }

    /// Where the reader finds what names other rows.
    public static let keys = RowKeys(connection: 1, account: 2, customer: 3, institution: 4)
}

/// An account with its balance.
public enum AccountColumn: String, RowColumn {
    case id, balance_id, connection, customer_id, institution, sealed, mask, name, type, currency, status
    case ledger, available, ledger_minor, available_minor, as_of, balance_updated_at, created_at, updated_at
    case number, nuban_valid, bank, bank_detail, customer, balance_account, periodic, record_status, environment
    case owner, project

    public var form: ColumnForm {
        switch self {
        case .id: .text(0)
        case .balance_id: .text(1)
        case .connection: .text(2)
        case .customer_id: .text(3)
        case .institution: .text(4)
        case .sealed: .text(5)
        case .mask: .text(6)
        case .name: .text(7)
        case .type: .text(8)
        case .currency: .text(9)
        case .status: .text(10)
        case .ledger: .amount(11, currency: 9)
        case .ledger_minor: .integer(11)
        case .available: .amount(12, currency: 9)
        case .available_minor: .integer(12)
        case .as_of: .instant(13)
        case .balance_updated_at: .instant(14)
        case .created_at: .instant(15)
        case .updated_at: .instant(16)
        case .number: .slot(.number)
        case .nuban_valid: .slot(.nubanValid)
        case .bank: .slot(.bank)
        case .bank_detail: .slot(.bankDetail)
        case .customer: .slot(.customer)
        case .balance_account: .slot(.balanceAccount)
        case .periodic: .slot(.periodic)
        case .record_status: .slot(.status)
        case .environment: .slot(.environment)
        case .owner: .slot(.owner)
        case .project: .slot(.project)
        }
    }

    public static let keys = RowKeys(connection: 2, account: 0, customer: 3, institution: 4, sealed: 5, name: 7)
}

/// A connection: Okra's record, and its auth.
public enum ConnectionColumn: String, RowColumn {
    case id, auth_id, customer_id, institution, state, product_names, login_type, history_months, callback_url
    case options, meta, consent_expires_at, last_error, last_success_at, last_fail_at, is_running, created_at
    case updated_at
    case bank, bank_detail, bank_named, bank_id, customer, status, products, used_products, transactions, refresh
    case standing, last_execution, product_status, last_ok_at
    case environment, owner, project

    public var form: ColumnForm {
        switch self {
        case .id: .text(0)
        case .auth_id: .text(1)
        case .customer_id: .text(2)
        case .institution: .text(3)
        case .state: .text(4)
        case .product_names: .names(5)
        case .login_type: .text(6)
        case .history_months: .integer(7)
        case .callback_url: .text(8)
        case .options: .json(9)
        case .meta: .json(10)
        case .consent_expires_at: .instant(11)
        case .last_error: .text(12)
        case .last_success_at: .instant(13)
        case .last_fail_at: .instant(14)
        case .is_running: .flag(15)
        case .created_at: .instant(16)
        case .updated_at: .instant(17)
        case .bank: .slot(.bank)
        case .bank_detail: .slot(.bankDetail)
        case .bank_named: .slot(.bankNamed)
        case .bank_id: .slot(.bankID)
        case .customer: .slot(.customer)
        case .status: .slot(.status)
        case .products: .slot(.products)
        case .used_products: .slot(.usedProducts)
        case .transactions: .slot(.transactions)
        case .refresh: .slot(.refresh)
        case .standing: .slot(.state)
        case .last_execution: .slot(.lastExecution)
        case .product_status: .slot(.productStatus)
        case .last_ok_at: .slot(.lastSuccess)
        case .environment: .slot(.environment)
        case .owner: .slot(.owner)
        case .project: .slot(.project)
        }
    }

    public static let keys = RowKeys(connection: 0, customer: 2, institution: 3)
}

/// A customer.
public enum CustomerColumn: String, RowColumn {
    case id, name, created_at, updated_at
    case credentials, records, environment, owner, project

    public var form: ColumnForm {
        switch self {
        case .id: .text(0)
        case .name: .text(1)
        case .created_at: .instant(2)
        case .updated_at: .instant(3)
        case .credentials: .slot(.credentials)
        case .records: .slot(.records)
        case .environment: .slot(.environment)
        case .owner: .slot(.owner)
        case .project: .slot(.project)
        }
    }

    public static let keys = RowKeys(customer: 0, name: 1)
}

/// What a bank knows of a person.
public enum IdentityColumn: String, RowColumn {
    case id, connection, customer_id, sealed, created_at, updated_at
    case details, customer, environment, owner, project

    public var form: ColumnForm {
        switch self {
        case .id: .text(0)
        case .connection: .text(1)
        case .customer_id: .text(2)
        case .sealed: .text(3)
        case .created_at: .instant(4)
        case .updated_at: .instant(5)
        case .details: .slot(.identity)
        case .customer: .slot(.customer)
        case .environment: .slot(.environment)
        case .owner: .slot(.owner)
        case .project: .slot(.project)
        }
    }

    public static let keys = RowKeys(connection: 1, customer: 2, sealed: 3)
}

/// The numbers of the columns that lead to other rows.
public struct RowKeys: Sendable {
    public var connection: Int?
    public var account: Int?
    public var customer: Int?
    public var institution: Int?
    public var sealed: Int?
    public var name: Int?

    public init(
        connection: Int? = nil, account: Int? = nil, customer: Int? = nil, institution: Int? = nil, sealed: Int? = nil,
        name: Int? = nil
    ) {
        self.connection = connection
        self.account = account
        self.customer = customer
        self.institution = institution
        self.sealed = sealed
        self.name = name
    }
}
