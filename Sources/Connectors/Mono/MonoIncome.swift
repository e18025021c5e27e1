import Domain

/// Pure: what Mono says of an account's income, in an answer or in a push.
enum MonoIncome {
    private static let wordLengthMax = 40
    private static let textLengthMax = 200
    private static let streamsMax = 200

    /// Mono answers at once that the income is being made; an answer that has it already is taken too.
    static func answer(_ value: JSONValue, _ currency: Currency) throws(ConnectorError) -> IncomeAnswer {
        guard let status = value["status"]?.text?.lowercased() else { throw MonoTranslate.badRow }
        if status == "failed" { throw failure }
        let data = value["data"] ?? .null
        let income = data["income"]?.members == nil ? data : data["income"] ?? data
        return has(income) ? .ready(try details(income, currency)) : .processing
    }

    /// Of a push's `data`. One without an income says that none could be made.
    static func outcome(_ data: JSONValue) throws(ConnectorError) -> IncomeOutcome {
        if data["status"]?.text?.lowercased() == "failed" || !has(data) { return .failed(failure) }
        return .made(try details(data, nil))
    }

    private static var failure: ConnectorError { ConnectorError(.dataIncomplete, upstreamCode: "income_failed") }

    private static func has(_ data: JSONValue) -> Bool {
        data["income_streams"]?.elements != nil || data["monthly_income"]?.unlessNull != nil
            || data["annual_income"]?.unlessNull != nil
    }

    /// - Parameter currency: of the account; nil where that is not known.
    private static func details(_ data: JSONValue, _ currency: Currency?) throws(ConnectorError) -> IncomeDetails {
        let streams = data["income_streams"]?.elements ?? []
        guard streams.count <= streamsMax else { throw ConnectorError(.protocolViolation, fault: .tooManyRows) }
        var told: Currency?
        for stream in streams where told == nil {
            if try MonoTranslate.text(stream, "currency") != nil { told = try MonoTranslate.currency(stream) }
        }
        var found = IncomeDetails(currency: told ?? currency)
        let unit = found.currency ?? .ngn
        found.from = try day(data, "first_transaction_date")
        found.to = try day(data, "last_transaction_date")
        found.employer = try text(data["income_summary"] ?? .null, "employer")
        found.totalMinor = try MonoTranslate.money(data, "total_income", unit)?.minor
        found.annualMinor = try average(data, "annual_income")
        found.monthlyMinor = try average(data, "monthly_income")
        found.regularMonthlyMinor = try average(data, "aggregated_monthly_average_regular")
        found.irregularMonthlyMinor = try average(data, "aggregated_monthly_average_irregular")
        for row in streams { found.streams.append(try stream(row, unit)) }
        return found
    }

    private static func stream(
        _ row: JSONValue, _ currency: Currency
    ) throws(ConnectorError) -> IncomeDetails.Stream {
        guard row.members != nil else { throw MonoTranslate.badRow }
        guard try MonoTranslate.currency(row, currency) == currency else {
            throw ConnectorError(.protocolViolation, fault: .currencyChanged)
        }
        var stream = IncomeDetails.Stream()
        stream.kind = try word(row, "income_type")
        stream.frequency = try word(row, "frequency")
        stream.monthlyMinor = try average(row, "monthly_average")
        stream.averageMinor = try average(row, "average_income_amount")
        stream.firstOn = try day(row, "first_income_date")
        stream.lastOn = try day(row, "last_income_date")
        stream.lastMinor = try MonoTranslate.money(row, "last_income_amount", currency)?.minor
        stream.lastText = try text(row, "last_income_description")
        stream.count = try count(row, "number_of_incomes")
        stream.monthsWithIncome = try count(row, "periods_with_income")
        stream.months = try count(row, "number_of_months")
        stream.stabilityPercent = try hundredths(row, "stability")
        return stream
    }

    // MARK: values

    private static func word(_ row: JSONValue, _ name: String) throws(ConnectorError) -> String? {
        try MonoTranslate.text(row, name).map { String($0.lowercased().prefix(wordLengthMax)) }
    }

    private static func text(_ row: JSONValue, _ name: String) throws(ConnectorError) -> String? {
        try MonoTranslate.text(row, name).map { String($0.prefix(textLengthMax)) }
    }

    private static func day(_ row: JSONValue, _ name: String) throws(ConnectorError) -> LocalDate? {
        guard let text = try MonoTranslate.text(row, name) else { return nil }
        guard let day = LocalDate(String(text.prefix(10))) else { throw MonoTranslate.badRow }
        return day
    }

    private static func count(_ row: JSONValue, _ name: String) throws(ConnectorError) -> Int? {
        guard let member = row[name]?.unlessNull else { return nil }
        guard case .integer(let number) = member, (0...1_000_000).contains(number) else { throw MonoTranslate.badRow }
        return Int(number)
    }

    /// Nobody was paid an average, so it need not be whole: what is finer than the smallest unit is cut off.
    private static func average(_ row: JSONValue, _ name: String) throws(ConnectorError) -> Int64? {
        try cut(row, name, decimals: 0)
    }

    /// `0.32` is 32.
    private static func hundredths(_ row: JSONValue, _ name: String) throws(ConnectorError) -> Int? {
        guard let percent = try cut(row, name, decimals: 2) else { return nil }
        guard (0...100).contains(percent) else { throw MonoTranslate.badRow }
        return Int(percent)
    }

    private static func cut(_ row: JSONValue, _ name: String, decimals: Int) throws(ConnectorError) -> Int64? {
        let text: String
        switch row[name] {
        case nil, .null?: return nil
        case .integer(let number)?: text = String(number)
        case .decimal(let number)?: text = "\(number)"
        default: throw ConnectorError(.protocolViolation, fault: .amountUnreadable)
        }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let kept = parts.count == 2 ? "\(parts[0]).\(parts[1].prefix(decimals))" : text
        do throws(MoneyError) {
            return try Money(parsing: kept, currency: Currency(code: "XXX", scale: decimals)).minor
        } catch {
            let fault = BankFault(error)
            throw ConnectorError(.protocolViolation, fault.meaning, fault: fault)
        }
    }
}
