import Domain

/// Items of the native API: snake case, minor units.
enum NativeItems {
    static let account = item(
        RowTemplate(
            AccountColumn.self,
            """
            {"id":$id,"connection":$connection,"customer":$customer,"institution":$bank,"name":$name,"type":$type,
            "number":$number,"nuban_valid":$nuban_valid,"mask":$mask,"currency":$currency,"status":$status,
            "balance":{"ledger_minor":$ledger_minor,"available_minor":$available_minor,"as_of":$as_of,
            "updated_at":$balance_updated_at},"created_at":$created_at,"updated_at":$updated_at}
            """))

    static let transaction = item(
        RowTemplate(
            TransactionColumn.self,
            """
            {"id":$id,"account":$account_id,"connection":$connection,"customer":$customer_id,"status":$status,
            "amount_minor":$minor,"currency":$currency,"booked_on":$day,"occurred_at":$occurred_at,
            "description":$text,"counterparty":$counterparty,"reference":$reference,"channel":$channel,
            "branch":$branch,"code":$code,"running_balance_minor":$running_minor,"revision":$revision,
            "created_at":$created_at,"updated_at":$updated_at}
            """))

    static let connection = item(
        RowTemplate(
            ConnectionColumn.self,
            """
            {"id":$id,"customer":$customer,"institution":$bank,"status":$state,"state":$standing,
            "products":$product_names,"refresh":$refresh,"is_refreshing":$is_running,
            "last_execution":$last_execution,"product_status":$product_status,"last_success_at":$last_ok_at,
            "last_fail_at":$last_fail_at,
            "last_error":$last_error,"consent_expires_at":$consent_expires_at,"callback_url":$callback_url,
            "options":$options,"meta":$meta,"created_at":$created_at,"updated_at":$updated_at}
            """))

    static let identity = item(
        RowTemplate(
            IdentityColumn.self,
            """
            {"id":$id,"connection":$connection,"customer":$customer_id,"person":$details,"created_at":$created_at,
            "updated_at":$updated_at}
            """))

    /// The one item of a list by itself, with how fresh it is.
    static func reply(_ listing: Listing, _ noun: String) throws -> Reply { try reply(listing.only, noun) }

    /// One item by itself; without one there is none to be found.
    static func reply(_ item: [UInt8]?, _ noun: String) throws -> Reply {
        guard let item, !item.isEmpty else { throw DomainError.notFound(noun) }
        return Reply.json { $0.raw(item) }
    }

    private static func item(_ template: RowTemplate) -> ItemForm { ItemForm(template, NativeForms()) }
}

/// How the native API speaks of other rows.
struct NativeForms: RowForms {
    func bank(_ institution: Institution, _ out: inout JSONWriter) {
        out.object { out in
            out.member("id", institution.id)
            out.member("slug", institution.slug)
            out.member("name", institution.name)
        }
    }

    func customer(id: String, name: String?, _ out: inout JSONWriter) {
        out.object { out in
            out.member("id", id)
            out.member("name", name)
        }
    }

    func status(_ connection: ConnectionFacts, _ out: inout JSONWriter) { out.bool(connection.isRunning) }

    func refresh(_ facts: RefreshFacts, _ out: inout JSONWriter) {
        out.object { out in
            out.member("balance", facts.setting.balance?.rawValue)
            out.member("transactions", facts.setting.transactions?.rawValue)
            out.member("next_balance_at", facts.nextBalanceAt)
            out.member("next_transactions_at", facts.nextTransactionsAt)
        }
    }

    func products(_ connection: ConnectionFacts, _ out: inout JSONWriter) {
        out.array { out in for name in connection.products.names { out.string(name) } }
    }

    // The native items do not show these yet.
    func bankDetail(_ institution: Institution, _ out: inout JSONWriter) { bank(institution, &out) }
    func bankNamed(_ institution: Institution, _ out: inout JSONWriter) { bank(institution, &out) }
    func account(_ account: AccountFacts, _ out: inout JSONWriter) { out.string(account.id) }
    func balanceAccount(_ account: AccountFacts, _ institution: Institution, _ out: inout JSONWriter) {
        out.string(account.id)
    }
    func periodic(_ balances: [EarlierBalance], owner: String, _ out: inout JSONWriter) { out.null() }
    func usedProducts(_ connection: ConnectionFacts, _ out: inout JSONWriter) { products(connection, &out) }
    func credentials(_ logins: [(ConnectionFacts, AccountFacts, Institution)], _ out: inout JSONWriter) { out.null() }

    func identity(_ details: IdentityDetails, _ out: inout JSONWriter) {
        out.object { NativeIdentity.write(details, &$0) }
    }
}
