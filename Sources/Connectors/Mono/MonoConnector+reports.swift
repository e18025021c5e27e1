import Domain

/// What Mono makes of an account's rows: its income, and a statement of some months.
extension MonoConnector {
    /// A statement of a year comes in one piece.
    private static let statementTimeoutSeconds = 25

    public func income(
        _ grant: Grant, account: String, months: Int?, _ context: ConnectorContext
    ) async throws(ConnectorError) -> IncomeAnswer {
        let access = try access(grant, account)
        try await requireRows(access, context)
        let answer = try await client.send(
            .init(
                path: "/v2/accounts/\(account)/income", query: months.map { [("period", String($0))] } ?? [],
                operation: "income"), context)
        try answer.live.check()
        return try MonoIncome.answer(answer.value, access.currency)
    }

    public func statement(
        _ grant: Grant, account: String, months: Int, _ context: ConnectorContext
    ) async throws(ConnectorError) -> [FetchedTransaction] {
        let access = try access(grant, account)
        try await requireRows(access, context)
        let answer = try await client.send(
            .init(
                path: "/v2/accounts/\(account)/statement",
                query: [("period", "last\(months)months"), ("output", "json")],
                timeoutSeconds: Self.statementTimeoutSeconds, operation: "statement"), context)
        try answer.live.check()
        let rows = try MonoTranslate.statement(answer.value, access.currency)
        if rows.isEmpty { try await details(account, context).require("transactions") }
        return rows
    }

    /// While Mono fetches for the first time, both would be of what it has so far.
    private func requireRows(_ access: MonoAccess, _ context: ConnectorContext) async throws(ConnectorError) {
        guard context.now - access.loggedInAt < Self.firstFetchMs else { return }
        try await details(access.account, context).require("transactions")
    }
}

extension MonoTranslate {
    /// Of `{"data": […], "meta": {"count": …}}`, or of the older `{"data": {"count": …, "statement": […]}}`.
    /// - Throws: `data_incomplete` when there are not as many rows as the answer says, or more on another page.
    static func statement(_ value: JSONValue, _ currency: Currency) throws(ConnectorError) -> [FetchedTransaction] {
        guard let data = value["data"] else { throw badRow }
        guard !data.isNull else { throw ConnectorError(.notReady, upstreamCode: "no_data_yet", retryAfterSeconds: 10) }
        guard let elements = data.elements ?? data["statement"]?.elements else { throw badRow }
        let meta = value["meta"] ?? .null
        if let count = meta["count"] ?? data["count"], !count.isNull, count != .integer(Int64(elements.count)) {
            throw ConnectorError(.dataIncomplete, upstreamCode: "count")
        }
        guard meta["next"]?.unlessNull == nil else { throw ConnectorError(.dataIncomplete, upstreamCode: "next") }
        var rows: [FetchedTransaction] = []
        rows.reserveCapacity(elements.count)
        for row in elements { rows.append(try transaction(row, currency)) }
        return rows
    }
}
