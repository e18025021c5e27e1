import Domain

/// What the sandbox bank makes of an account's rows; it answers at once.
extension SandboxConnector {
    public func income(
        _ grant: Grant, account: String, months: Int?, _ context: ConnectorContext
    ) async throws(ConnectorError) -> IncomeAnswer {
        let query = months.map { [(name: "months", value: String($0))] } ?? []
        let reply = try await get("accounts/\(try segment(account))/income", query, grant, context)
        return .ready(try SandboxTranslate.income(reply))
    }

    public func statement(
        _ grant: Grant, account: String, months: Int, _ context: ConnectorContext
    ) async throws(ConnectorError) -> [FetchedTransaction] {
        let reply = try await get(
            "accounts/\(try segment(account))/statement", [("months", String(months))], grant, context)
        let rows = try SandboxTranslate.page(reply).rows
        guard try SandboxTranslate.count(reply, "count") == rows.count else {
            throw ConnectorError(.dataIncomplete, upstreamCode: "count")
        }
        return rows
    }
}

extension SandboxTranslate {
    static func income(_ value: JSONValue) throws(ConnectorError) -> IncomeDetails {
        let currency = try currency(value)
        var found = IncomeDetails(currency: currency)
        found.from = try required(value, "from") { LocalDate($0) }
        found.to = try required(value, "to") { LocalDate($0) }
        found.totalMinor = try money(value, "total", currency)?.minor
        found.monthlyMinor = try money(value, "monthly", currency)?.minor
        let months = try count(value, "months")
        for row in try array(value, "streams") {
            var stream = IncomeDetails.Stream()
            stream.kind = try text(row, "kind")
            stream.frequency = try text(row, "frequency")
            stream.monthlyMinor = try money(row, "monthly", currency)?.minor
            stream.averageMinor = try money(row, "average", currency)?.minor
            stream.firstOn = try required(row, "first_on") { LocalDate($0) }
            stream.lastOn = try required(row, "last_on") { LocalDate($0) }
            stream.lastMinor = try money(row, "last", currency)?.minor
            stream.lastText = try text(row, "narration")
            stream.count = try count(row, "count")
            stream.monthsWithIncome = try count(row, "months_with_income")
            stream.months = months
            found.streams.append(stream)
        }
        return found
    }

    static func count(_ value: JSONValue, _ name: String) throws(ConnectorError) -> Int {
        guard case .integer(let number)? = value[name], (0...1_000_000).contains(number) else { throw unreadable }
        return Int(number)
    }
}
