/// How a person gets to a bank through a connector; a list of banks shows it.
public enum BankAccess: String, Sendable, CaseIterable {
    /// Forms of this server's own page.
    case login
    /// A page of the bank or of its aggregator.
    case hostedPage = "hosted_page"
    /// A statement that the person exports at the bank and uploads.
    case statement
}
