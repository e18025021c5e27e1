/// Currencies as people write them.
enum CSVCurrency {
    static let signs = ["₦": "NGN", "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₵": "GHS"]
    private static let words = [
        "NAIRA": "NGN", "NIGERIAN": "NGN", "DOLLAR": "USD", "POUND": "GBP", "STERLING": "GBP", "EURO": "EUR",
        "CEDI": "GHS", "RAND": "ZAR", "SHILLING": "KES", "YEN": "JPY",
    ]
    /// Of a word that more than one country has.
    private static let countries = [
        "CANADIAN DOLLAR": "CAD", "AUSTRALIAN DOLLAR": "AUD", "UGANDA": "UGX", "TANZANIA": "TZS",
    ]

    /// The code that a text names by itself, by a sign or by a word; nil when it names none that is known.
    static func code(_ text: String) -> String? {
        let text = text.uppercased()
        if let sign = signs.first(where: { text.contains($0.key) }) { return sign.value }
        if let found = countries.first(where: { text.contains($0.key) })
            ?? words.first(where: { text.contains($0.key) })
        {
            return found.value
        }
        let code = text.prefix { $0.isLetter }
        return code.utf8.count == 3 && code.utf8.allSatisfy { (65...90).contains($0) } ? String(code) : nil
    }

    /// The code in the brackets that a heading ends with, as in `Debit (USD)`.
    static func behind(heading: ArraySlice<UInt8>) -> String? {
        guard heading.last == UInt8(ascii: ")"), let open = heading.lastIndex(of: UInt8(ascii: "(")) else { return nil }
        let inner = heading[(open + 1)...].dropLast()
        guard inner.count == 3, inner.allSatisfy(isLetter) else { return nil }
        return String(decoding: inner, as: UTF8.self).uppercased()
    }
}
