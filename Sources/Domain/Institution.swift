/// A bank as the customer sees it. The slug is the key; codes are data that may change.
public struct Institution: Hashable, Sendable {
    public let slug: String
    /// Okra's own 24-hex id where it is known, else 12 bytes of SHA-256(slug).
    public let id: ID<Institution>
    public let name: String
    public let cbnCode: String?
    public let nipCode: String?
    public let sortCode: String?
    public let ussd: String?
    /// The six digits that enter the NUBAN check.
    public let nubanCode: String?
    public let country: String
    /// The slug of the institution that took this one over; its data keeps the old slug.
    public let successor: String?

    public init(
        slug: String, id: ID<Institution>, name: String, cbnCode: String? = nil, nipCode: String? = nil,
        sortCode: String? = nil, ussd: String? = nil, nubanCode: String? = nil, country: String = "NG",
        successor: String? = nil
    ) {
        self.slug = slug
        self.id = id
        self.name = name
        self.cbnCode = cbnCode
        self.nipCode = nipCode
        self.sortCode = sortCode
        self.ussd = ussd
        self.nubanCode = nubanCode
        self.country = country
        self.successor = successor
    }

    /// Whether the last digit of an account number fits this institution: a hint, since wallets use numbers without a
    /// check. nil where it says nothing: another kind of number, or an institution without a code.
    public func fits(accountNumber: String) -> Bool? {
        guard let nubanCode, accountNumber.utf8.count == 10, accountNumber.utf8.allSatisfy({ (48...57).contains($0) })
        else { return nil }
        return AccountNumber.isValid(accountNumber, institutionCode: nubanCode)
    }
}
