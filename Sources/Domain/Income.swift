/// What a bank makes of the money that comes into an account. Amounts are whole minor units of the account's currency;
/// what the bank does not say is nil, and its own words are kept in small letters.
public struct IncomeDetails: Sendable, Equatable {
    /// One source of money that comes again and again.
    public struct Stream: Sendable, Equatable {
        /// As `salary` or `wages`.
        public var kind: String?
        /// As `monthly` or `variable`.
        public var frequency: String?
        /// How much of it comes in a month.
        public var monthlyMinor: Int64?
        /// How much of it comes at once.
        public var averageMinor: Int64?
        public var firstOn: LocalDate?
        public var lastOn: LocalDate?
        public var lastMinor: Int64?
        /// The text of its last row.
        public var lastText: String?
        /// How often it came.
        public var count: Int?
        /// In how many months it came, and how many were looked at.
        public var monthsWithIncome: Int?
        public var months: Int?
        /// How alike its months are: 100 is the same each month.
        public var stabilityPercent: Int?
        public init() {}
    }

    /// nil where the bank does not say: it is the account's.
    public var currency: Currency?
    /// The days that were looked at.
    public var from: LocalDate?
    public var to: LocalDate?
    public var employer: String?
    /// Of the whole time that was looked at.
    public var totalMinor: Int64?
    public var annualMinor: Int64?
    public var monthlyMinor: Int64?
    /// The parts of a month's that come regularly, and not.
    public var regularMonthlyMinor: Int64?
    public var irregularMonthlyMinor: Int64?
    public var streams: [Stream] = []

    public init(currency: Currency?) { self.currency = currency }

    /// Whether every amount may be taken: see `Money.takenMinorMax`.
    public var isTakeable: Bool {
        let own = [totalMinor, annualMinor, monthlyMinor, regularMonthlyMinor, irregularMonthlyMinor]
        let all = own + streams.flatMap { [$0.monthlyMinor, $0.averageMinor, $0.lastMinor] }
        return all.allSatisfy { ($0?.magnitude ?? 0) <= Money.takenMinorMax.magnitude }
    }

    /// Writes the members, as the native API and complete events have them.
    public func write(_ out: inout JSONWriter) {
        out.member("currency", currency?.code)
        out.member("from", from?.iso)
        out.member("to", to?.iso)
        out.member("employer", employer)
        out.member("total_minor", totalMinor)
        out.member("annual_minor", annualMinor)
        out.member("monthly_minor", monthlyMinor)
        out.member("regular_monthly_minor", regularMonthlyMinor)
        out.member("irregular_monthly_minor", irregularMonthlyMinor)
        out.array("streams") { list in
            for stream in streams { list.object { stream.write(&$0) } }
        }
    }
}

extension IncomeDetails.Stream {
    fileprivate func write(_ out: inout JSONWriter) {
        out.member("kind", kind)
        out.member("frequency", frequency)
        out.member("monthly_minor", monthlyMinor)
        out.member("average_minor", averageMinor)
        out.member("first_on", firstOn?.iso)
        out.member("last_on", lastOn?.iso)
        out.member("last_minor", lastMinor)
        out.member("last_description", lastText)
        out.member("count", count.map { Int64($0) })
        out.member("months_with_income", monthsWithIncome.map { Int64($0) })
        out.member("months", months.map { Int64($0) })
        out.member("stability_percent", stabilityPercent.map { Int64($0) })
    }
}

/// What became of an income profile that was asked for.
public enum IncomeAnswer: Sendable, Equatable {
    /// It is being made; the bank tells when it is there.
    case processing
    case ready(IncomeDetails)
}

/// What a bank pushes of an income profile.
public enum IncomeOutcome: Sendable, Equatable {
    case made(IncomeDetails)
    /// It could not be made.
    case failed(ConnectorError)
}
