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

    public init(
        slug: String, id: ID<Institution>, name: String, cbnCode: String? = nil, nipCode: String? = nil,
        sortCode: String? = nil, ussd: String? = nil, nubanCode: String? = nil, country: String = "NG"
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
    }
}
