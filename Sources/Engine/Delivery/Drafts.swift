import Domain
import Storage

/// One function an event: what it says, thin and complete.
enum Drafts {
    static func auth(clientID: String, isMerged: Bool = false) -> EventDraft {
        EventDraft(
            type: EventCatalog.auth, method: "AUTH", code: "AUTH_SUCCESS", message: "Record callback started!",
            data: { out, _ in
                if isMerged { out.member("merged", true) }
            },
            product: { out, _ in
                out.object("auth") { auth in
                    auth.member("clientId", clientID)
                    auth.member("type", "validate")
                    auth.member("status", true)
                    auth.member("reauth", isMerged)
                    auth.object("data") { _ in }
                }
            })
    }

    /// Its key goes with the record, so there is nothing that a complete body could be sealed with.
    static func removed() -> EventDraft {
        EventDraft(
            type: EventCatalog.removed, method: "AUTH", code: "RECORD_REMOVED",
            message: "The record and its data were removed", hasComplete: false)
    }

    static func account(_ account: Account, number: String?, isClosed: Bool = false) -> EventDraft {
        EventDraft(
            type: EventCatalog.accounts, method: "ACCOUNTS", code: "ACCOUNTS_SUCCESS",
            message: "Successfully fetched accounts", accountID: account.id, number: number,
            data: { out, isComplete in
                guard isComplete else { return }
                out.object("resource") { summary(&$0, account, number, nil, true, isClosed) }
            },
            product: { out, isComplete in
                out.object("account") { summary(&$0, account, number, nil, isComplete, isClosed) }
            })
    }

    static func balance(
        _ account: Account, number: String?, _ balance: FetchedBalance, isChanged: Bool, method: String
    ) -> EventDraft {
        EventDraft(
            type: EventCatalog.balance, method: method, code: "BALANCE_SUCCESS",
            message: "Successfully fetched balance",
            accountID: account.id, number: number,
            data: { out, isComplete in
                out.member("changed", isChanged)
                guard isComplete else { return }
                out.object("resource") { summary(&$0, account, number, balance, true) }
            },
            product: { out, isComplete in
                out.object("balance") { summary(&$0, account, number, balance, isComplete) }
            })
    }

    private static func summary(
        _ out: inout JSONWriter, _ account: Account, _ number: String?, _ balance: FetchedBalance?, _ isComplete: Bool,
        _ isClosed: Bool = false
    ) {
        out.member("nuban", isComplete ? number : account.mask)
        out.member("name", account.name)
        let scale = account.currency.scale
        out.amount("ledger_balance", minor: balance?.ledger?.minor ?? account.ledgerMinor, scale: scale)
        out.amount("available_balance", minor: balance?.available?.minor ?? account.availableMinor, scale: scale)
        out.member("currency", account.currency.code)
        out.member("status", isClosed ? "Closed" : "Active")
        out.member("type", account.type)
        out.member("account", account.id)
        out.member("accountId", account.id)
    }
}
