import Domain

/// Okra's items, as they stand in its replies. Members that Okra did not have are added at the end of each.
enum OkraItems {
    static let transaction = item(
        RowTemplate(
            TransactionColumn.self,
            """
            {"_id":$id,
            "notes":{"desc":$text,"topics":[],"places":[],"people":[],"actions":[],"subjects":[],"prepositions":[]},
            "manual":false,"reconciled":false,"fetched":[$owner],"record":[$connection],"actions":[],"analyzed":[],
            "ner":null,"ner_v":0,"location":{},
            "trans_date":"${day}T00:00:00.000Z","cleared_date":$cleared_at,
            "unformatted_trans_date":$day,"unformatted_cleared_date":$cleared_day,
            "debit":$debit,"credit":$credit,"ref":$reference,"branch":$branch,"code":$code,"benefactor":$counterparty,
            "bank":$bank,"customer":$customer,"account":$account,"env":$environment,"checked":[],
            "created_at":$created_at,"last_updated":$updated_at,"__v":0,"id":$id,
            "status":$status,"channel":$channel,"currency":$currency,"running_balance":$running,
            "occurred_at":$occurred_at}
            """))

    static let summary = item(
        RowTemplate(
            ConnectionColumn.self,
            """
            {"_id":$id,"bank":$bank_named,"count":$transactions,"env":$environment,"customer":$customer,"status":$state,
            "owner":$owner,"record":$id,"created_at":$created_at,"id":$id}
            """))

    static let account = item(
        RowTemplate(
            AccountColumn.self,
            """
            {"_id":$id,"bank":$bank,"env":$environment,"nuban":$number,"__v":0,"connected":[$owner],
            "created_at":$created_at,"customer":$customer,"last_updated":$updated_at,"name":$name,"owner":[$owner],
            "projects":[$project],"record":[$connection],"type":$type,"balance":$balance_id,"currency":$currency,
            "id":$id,"status":$status}
            """))

    static let accountDetails = item(
        RowTemplate(
            AccountColumn.self,
            """
            {"_id":$id,"name":$name,"nuban":$number,"bank":$bank_detail,"type":$type,"customer":$customer_id,
            "env":$environment,"created_at":$created_at,"last_updated":$updated_at,"__v":0,"balance":$balance_id,
            "projects":[$project],"manual":false,"currency":$currency,"id":$id,"record":[$connection],
            "status":$status}
            """))

    static let balance = item(RowTemplate(AccountColumn.self, balanceWithPeriodic))
    static let balanceAlone = item(RowTemplate(AccountColumn.self, balanceWithoutPeriodic))

    private static let balanceWithPeriodic: StaticString = """
        {"_id":$balance_id,"account":$balance_account,"__v":0,"available_balance":$available,"created_at":$created_at,
        "currency":$currency,"customer":$customer,"env":$environment,"last_updated":$balance_updated_at,
        "ledger_balance":$ledger,"owner":[$owner],"projects":[$project],"connected":[$owner],
        "record":[{"_id":$connection,"status":$record_status,"owner":$owner}],"periodic":$periodic,
        "id":$balance_id,"as_of":$as_of}
        """
    private static let balanceWithoutPeriodic: StaticString = """
        {"_id":$balance_id,"account":$balance_account,"__v":0,"available_balance":$available,"created_at":$created_at,
        "currency":$currency,"customer":$customer,"env":$environment,"last_updated":$balance_updated_at,
        "ledger_balance":$ledger,"owner":[$owner],"projects":[$project],"connected":[$owner],
        "record":[{"_id":$connection,"status":$record_status,"owner":$owner}],
        "id":$balance_id,"as_of":$as_of}
        """

    /// An item of `products/balances`, where `connected` is a flag.
    static let listedBalance = item(
        RowTemplate(
            AccountColumn.self,
            """
            {"_id":$balance_id,"id":$balance_id,"account":$balance_account,"ledger_balance":$ledger,
            "available_balance":$available,"currency":$currency,"connected":true,"env":$environment,
            "customer":$customer,"created_at":$created_at,"last_updated":$balance_updated_at,"as_of":$as_of}
            """))

    static let auth = item(
        RowTemplate(
            ConnectionColumn.self,
            """
            {"_id":$auth_id,"record":$id,"__v":0,"bank":$bank,"created_at":$created_at,"current_project":$project,
            "customer":$customer,"env":$environment,"last_updated":$updated_at,"owner":$owner,"projects":[$project],
            "validated":true,"id":$auth_id}
            """))

    /// An item of `products/auths`, where the record is an object.
    static let listedAuth = item(
        RowTemplate(
            ConnectionColumn.self,
            """
            {"_id":$auth_id,"id":$auth_id,"validated":true,"record":{"_id":$id,"bank":$bank_named,"env":$environment,
            "owner":$owner,"customer":$customer},"created_at":$created_at,"last_updated":$updated_at}
            """))

    /// The auth as `callback` tells it.
    static let callbackAuth = item(
        RowTemplate(
            ConnectionColumn.self,
            """
            {"_id":$auth_id,"record":$id,"bank":$bank_id,"customer":$customer_id,"validated":true,"env":$environment,
            "owner":$owner,"created_at":$created_at,"last_updated":$updated_at,"id":$auth_id}
            """))

    static let record = item(
        RowTemplate(
            ConnectionColumn.self,
            """
            {"_id":$id,"usedProduct":$used_products,"status":$status,"products":$products,
            "billable_products":$products,"source":"integration","limit":$history_months,"currency":"NGN",
            "bank":$bank_detail,"customer":$customer,"env":$environment,"owner":$owner,"projects":[$project],
            "options":$options,"meta":$meta,"callback_url":$callback_url,"login_type":$login_type,"auth":$auth_id,
            "created_at":$created_at,"last_updated":$updated_at,"__v":0,"id":$id,"state":$state,
            "error":$last_error,"consent_expires_at":$consent_expires_at}
            """))

    static let customer = item(
        RowTemplate(
            CustomerColumn.self,
            """
            {"_id":$id,"credentials":$credentials,"record":$records,"email":[],"phone":[],"blocked":false,
            "owner":[$owner],"linkLater":false,"debitLater":false,"otherInfo":[],"unconnected":false,"manual":false,
            "name":$name,"env":$environment,"created_at":$created_at,"last_updated":$updated_at,"__v":0,"id":$id}
            """))

    static let identity = item(
        RowTemplate(
            IdentityColumn.self,
            """
            {"_id":$id,"id":$id,$details,"customer":$customer,"verification_country":"NG","env":$environment,
            "record":[$connection],"owner":[$owner],"projects":[$project],"ref_ids":[],"score":null,"smileId":null,
            "watch_listed":null,"created_at":$created_at,"last_updated":$updated_at,"__v":0}
            """))

    private static func item(_ template: RowTemplate) -> ItemForm { ItemForm(template, OkraForms()) }
}
