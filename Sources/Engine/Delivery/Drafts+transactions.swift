import Domain
import Storage

extension Drafts {
    /// How many ids and rows one event carries; the rest is told by the window's query.
    private static let idsMax = 500

    /// What a step did to one account's transactions, as at most three events.
    struct TransactionChange {
        var account: Account
        var number: String?
        var window: DayWindow
        var added: [(id: ID<FetchedTransaction>, row: FetchedTransaction)]
        var modified: [(id: ID<FetchedTransaction>, row: FetchedTransaction)]
        var removed: [(id: ID<FetchedTransaction>, row: FetchedTransaction)]
        var method: String
        var code: String
        /// Tell even when nothing changed: somebody asked.
        var isAsked: Bool
    }

    static func transactions(_ change: TransactionChange) -> [EventDraft] {
        var drafts: [EventDraft] = []
        if !change.added.isEmpty || (change.isAsked && change.modified.isEmpty && change.removed.isEmpty) {
            drafts.append(
                draft(
                    EventCatalog.transactions, change, change.added, code: change.code,
                    "Successfully fetched transactions"))
        }
        if !change.modified.isEmpty {
            drafts.append(
                draft(
                    EventCatalog.transactionsUpdated, change, change.modified, code: "PERIODIC_TRANSACTIONS",
                    "Transactions have changed"))
        }
        if !change.removed.isEmpty {
            drafts.append(
                draft(
                    EventCatalog.transactionsRemoved, change, change.removed, code: "TRANSACTIONS_DELETED",
                    "Transactions were removed by the bank"))
        }
        return drafts
    }

    private static func draft(
        _ type: EventType, _ change: TransactionChange,
        _ rows: [(id: ID<FetchedTransaction>, row: FetchedTransaction)], code: String, _ message: String
    ) -> EventDraft {
        EventDraft(
            type: type, method: change.method, code: code, message: message, accountID: change.account.id,
            number: change.number,
            data: { out, isComplete in
                out.member("count", rows.count)
                out.member("from", change.window.from.iso)
                out.member("to", change.window.to.iso)
                out.array("transactions") { list in for row in rows.prefix(idsMax) { list.string(row.id.hex) } }
                if rows.count > idsMax { out.member("truncated", true) }
                guard isComplete else { return }
                out.array("resource") { list in
                    for row in rows.prefix(idsMax) { list.object { write(row.row, row.id, &$0) } }
                }
            },
            product: { out, _ in
                if type == EventCatalog.transactionsRemoved {
                    out.array("removed_transactions") { list in
                        for row in rows.prefix(idsMax) { list.string(row.id.hex) }
                    }
                } else {
                    out.member("new_transactions", rows.count)
                }
            })
    }

    private static func write(
        _ row: FetchedTransaction, _ id: ID<FetchedTransaction>, _ out: inout JSONWriter
    ) {
        let minor = row.amount.minor
        out.member("id", id)
        out.member("status", row.status.rawValue)
        out.member("amount_minor", minor)
        out.member("currency", row.amount.currency.code)
        out.amount("credit", minor: minor > 0 ? minor : nil, scale: row.amount.currency.scale)
        out.amount("debit", minor: minor > 0 ? nil : -minor, scale: row.amount.currency.scale)
        out.member("trans_date", row.bookedOn.iso)
        out.member("occurred_at", row.occurredAt)
        out.member("description", row.text)
        out.member("counterparty", row.counterparty)
        out.member("reference", row.reference)
        out.member("channel", row.channel)
        out.amount("running_balance", minor: row.runningBalance?.minor, scale: row.amount.currency.scale)
    }

    static func identity(id: String, _ details: IdentityDetails) -> EventDraft {
        EventDraft(
            type: EventCatalog.identity, method: "IDENTITY", code: "IDENTITY_IS_READY",
            message: "Successfully fetched identity",
            data: { out, isComplete in
                out.member("identity", id)
                if isComplete { out.object("resource") { write(details, id: id, &$0) } }
            },
            product: { out, isComplete in
                out.object("identity") { if isComplete { write(details, id: id, &$0) } else { $0.member("id", id) } }
            })
    }

    private static func write(_ details: IdentityDetails, id: String, _ out: inout JSONWriter) {
        out.member("id", id)
        IdentityMembers.write(details, &out)
    }

    /// A refresh that was asked for failed for good.
    static func failed(_ product: Product, method: String, _ error: ConnectorError) -> EventDraft {
        let isBalance = product == .balance
        return EventDraft(
            type: isBalance ? EventCatalog.balanceError : EventCatalog.transactionsError, method: method,
            code: isBalance ? "BALANCE_ERROR" : "TRANSACTIONS_ERROR", message: error.message, isSuccess: false,
            data: { out, _ in out.member("reason", error.code.rawValue) })
    }
}
