import Domain

/// What the page shows before anything is asked of a bank: one sentence, and what it means in points.
public struct WidgetConsent: Sendable, Equatable {
    public let text: String
    public let points: [String]

    init(_ terms: LinkTerms, business: String, text: String) {
        self.text = text
        var points = ["The names and numbers of the accounts that you choose"]
        if terms.products.contains(.balance) { points.append("Their balances") }
        if terms.products.contains(.transactions) {
            let months = terms.historyMonths == 1 ? "month" : "\(terms.historyMonths) months"
            points.append("Their transactions of the last \(months)")
        }
        if terms.products.contains(.identity) {
            points.append("Who you are at your bank: name, BVN, birthday and contacts")
        }
        if terms.setting.balance != nil || terms.setting.transactions != nil {
            points.append("What is new there from now on, until you withdraw it")
        }
        points.append("\(business) never sees your bank password")
        self.points = points
    }
}
