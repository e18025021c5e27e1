/// What a person agrees to, in one sentence. It is kept with the consent as it was shown.
public enum ConsentText {
    /// - Parameter bank: nil when the person chooses it afterwards.
    public static func sentence(
        products: Set<Product>, historyMonths: Int, business: String, bank: String?
    ) -> String {
        var parts = ["names", "numbers"]
        if products.contains(.balance) { parts.append("balances") }
        if products.contains(.transactions) { parts.append("transactions") }
        let last = parts.removeLast()
        let history =
            products.contains(.transactions)
            ? " (transactions up to \(historyMonths) \(historyMonths == 1 ? "month" : "months") back)" : ""
        let identity = products.contains(.identity) ? ", and who you are there," : ""
        return "You allow \(business) to read the \(parts.joined(separator: ", ")) and \(last) of your accounts at "
            + "\(bank ?? "the bank that you choose")\(history)\(identity) until you withdraw it. "
            + "Your login is used for this alone."
    }
}
