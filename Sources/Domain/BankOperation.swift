/// What a bank is asked for; calls are counted and limited by it.
public enum BankOperation: String, Sendable, CaseIterable {
    case accounts, balance, transactions, identity, auth, income, statement
}
