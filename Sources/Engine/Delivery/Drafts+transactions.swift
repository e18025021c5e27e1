import Domain
import Storage

extension Drafts {
    /// How many rows one event tells of; a step that changed more is told by several.
    private static let rowsMax = 2000
    private typealias Rows = [(id: ID<FetchedTransaction>, row: FetchedTransaction)]

    /// What a step did to one account's transactions, as an event for each kind of change.
    struct TransactionChange {
        var account: Account
        var number: String?
        var window: DayWindow
        var added: [(id: ID<FetchedTransaction>, row: FetchedTransaction)]
        var modified: [(id: ID<FetchedTransaction>, row: FetchedTransaction)]
        var removed: [(id: ID<FetchedTransaction>, row: FetchedTransaction)]
        /// Those of the modified ones that were matched by likeness.
        var matched: [(id: ID<FetchedTransaction>, match: Match)] = []
        var method: String
        var code: String
        /// Tell even when nothing changed: somebody asked.
        var isAsked: Bool
    }

    static func transactions(_ change: TransactionChange) -> [EventDraft] {
        var drafts: [EventDraft] = []
        if !change.added.isEmpty || (change.isAsked && change.modified.isEmpty && change.removed.isEmpty) {
            drafts += told(
                EventCatalog.transactions, change, change.added, code: change.code,
                "Successfully fetched transactions")
        }
        if !change.modified.isEmpty {
            drafts += told(
                EventCatalog.transactionsUpdated, change, change.modified, code: "PERIODIC_TRANSACTIONS",
                "Transactions have changed")
        }
        if !change.removed.isEmpty {
            drafts += told(
                EventCatalog.transactionsRemoved, change, change.removed, code: "TRANSACTIONS_DELETED",
                "Transactions were removed by the bank")
        }
        for start in stride(from: 0, to: change.matched.count, by: rowsMax) {
            drafts.append(matched(change, change.matched[start...].prefix(rowsMax)))
        }
        return drafts
    }

    private static func told(
        _ type: EventType, _ change: TransactionChange, _ rows: Rows, code: String, _ message: String
    ) -> [EventDraft] {
        stride(from: 0, to: max(rows.count, 1), by: rowsMax).map { start in
            draft(type, change, Array(rows.dropFirst(start).prefix(rowsMax)), code: code, message)
        }
    }

    /// Rows that a refresh took for one transaction without the bank saying so.
    private static func matched(
        _ change: TransactionChange, _ matched: ArraySlice<(id: ID<FetchedTransaction>, match: Match)>
    ) -> EventDraft {
        EventDraft(
            type: EventCatalog.transactionsMerged, method: change.method, code: "TRANSACTIONS_MERGED",
            message: "Rows of the bank were found to be one transaction", accountID: change.account.id,
            number: change.number, rows: matched.map(\.id.hex), window: change.window, hasComplete: false,
            data: { out, _ in
                out.member("count", matched.count)
                out.array("merged") { list in
                    for (id, match) in matched {
                        list.object { out in
                            out.member("transaction", id)
                            out.member("rule", match.rule.rawValue)
                            out.member("confidence", match.confidence)
                        }
                    }
                }
            })
    }

    /// What the API ruled about two transactions.
    struct PairRuling {
        var account: Account
        var number: String?
        var isMerge: Bool
        /// The one that keeps its life, and the one that was taken in or out; without a row when it was taken in.
        var transaction: (id: ID<FetchedTransaction>, row: FetchedTransaction)
        var other: (id: ID<FetchedTransaction>, row: FetchedTransaction?)
        var lineage: ID<LineageEntry>
    }

    static func ruled(_ ruling: PairRuling) -> EventDraft {
        EventDraft(
            type: ruling.isMerge ? EventCatalog.transactionsMerged : EventCatalog.transactionsSplit,
            method: "REFRESH_TRANSACTIONS", code: ruling.isMerge ? "TRANSACTIONS_MERGED" : "TRANSACTIONS_SPLIT",
            message: ruling.isMerge ? "Two transactions are one" : "One transaction is two",
            accountID: ruling.account.id, number: ruling.number,
            rows: [ruling.transaction.id.hex, ruling.other.id.hex],
            data: { out, isComplete in
                out.member("count", 1)
                out.array(ruling.isMerge ? "merged" : "split") { list in
                    list.object { out in
                        out.member("transaction", ruling.transaction.id)
                        out.member("other", ruling.other.id)
                        out.member("rule", MatchRule.ruling.rawValue)
                        out.member("confidence", 100)
                        out.member("lineage", ruling.lineage)
                    }
                }
                guard isComplete else { return }
                out.array("resource") { list in
                    list.object { write(ruling.transaction.row, ruling.transaction.id, &$0) }
                    if let row = ruling.other.row { list.object { write(row, ruling.other.id, &$0) } }
                }
            })
    }

    private static func draft(
        _ type: EventType, _ change: TransactionChange, _ rows: Rows, code: String, _ message: String
    ) -> EventDraft {
        let ids = rows.map(\.id.hex)
        return EventDraft(
            type: type, method: change.method, code: code, message: message, accountID: change.account.id,
            number: change.number, rows: ids, window: change.window,
            data: { out, isComplete in
                out.member("count", rows.count)
                out.member("from", change.window.from.iso)
                out.member("to", change.window.to.iso)
                guard isComplete else { return }
                out.array("resource") { list in
                    for row in rows { list.object { write(row.row, row.id, &$0) } }
                }
            },
            product: { out, _ in
                if type == EventCatalog.transactionsRemoved {
                    out.array("removed_transactions") { list in for id in ids { list.string(id) } }
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
            message: "Successfully fetched identity", subject: id,
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

    /// What a link or a refresh was asked for could not be had.
    static func failed(_ product: Product, method: String, _ error: ConnectorError) -> EventDraft {
        let (type, code) =
            switch product {
            case .auth, .accounts: (EventCatalog.accountsFailed, "ACCOUNTS_ERROR")
            case .balance: (EventCatalog.balanceFailed, "BALANCE_ERROR")
            case .transactions: (EventCatalog.transactionsFailed, "TRANSACTIONS_ERROR")
            case .identity: (EventCatalog.identityFailed, "IDENTITY_ERROR")
            }
        return EventDraft(
            type: type, method: method, code: code, message: error.message,
            data: { out, _ in out.member("reason", error.code.rawValue) })
    }
}
