/// What several events have in common.
enum EventMembers {
    static let account = EventMember("account", .id, "The account.")
    static let someAccount = EventMember("account", .id, "The account, where it is of one alone.", isOptional: true)
    static let reason = EventMember("reason", .text, "The code of the error.")
    static let session = EventMember("session", .text, "The link session.")
    static let reauthURL = EventMember(
        "reauth_url", .url.orNull, "A link for this record alone, safe to be sent by SMS.")
    static let reauthURLEnd = EventMember("reauth_url_expires_at", .instant.orNull, "Until when it works, once.")
    static let currency = EventMember("currency", .currency, "The amount's currency, as ISO 4217 writes it.")
    static let daysLeft = EventMember("days_left", .count, "Whole days until the consent ends; 0 when it has.")
    static let consentEnd = EventMember("consent_expires_at", .instant.orNull, "When the consent ends.")

    // MARK: accounts

    static func summary(hasNumber: Bool) -> EventSchema {
        .object([
            EventMember(
                "nuban", .text.orNull, hasNumber ? "The account's number." : "The last four digits of its number."),
            EventMember("name", .text.orNull),
            EventMember("ledger_balance", .amount.orNull, "In major units."),
            EventMember("available_balance", .amount.orNull, "In major units."),
            EventMember("currency", .currency),
            EventMember("status", .one(of: ["Active", "Closed"])),
            EventMember("type", .text.orNull),
            EventMember("account", .id), EventMember("accountId", .id),
        ])
    }

    static func exampleSummary(hasNumber: Bool) -> JSONValue {
        [
            "nuban": hasNumber ? "0123456789" : "6789", "name": "Current account", "ledger_balance": 153,
            "available_balance": 153, "currency": "NGN", "status": "Active", "type": "current",
            "account": .string(EventExample.account), "accountId": .string(EventExample.account),
        ]
    }

    // MARK: transactions

    static let changed: [EventMember] = [
        account, EventMember("count", .count, "How many rows it is about; 0 when somebody asked and nothing is new."),
        EventMember("from", .day, "The first of the days that were looked at."),
        EventMember("to", .day, "The last of them."),
        EventMember("part", .integer, "Which of the rows, where one webhook per row is asked for.", isOptional: true),
        EventMember("parts", .integer, "How many parts there are.", isOptional: true),
        EventMember(
            "truncated", .flag, "The complete body was too large; `query` leads to the rows.", isOptional: true),
    ]

    static let exampleChanged: JSONValue = [
        "account": .string(EventExample.account), "count": 1, "from": "2024-01-14", "to": "2024-01-15",
    ]

    static let row = EventSchema.object([
        EventMember("id", .id),
        EventMember("status", .one(of: TransactionStatus.allCases.map(\.rawValue))),
        EventMember("amount_minor", .integer, "In minor units; what goes out is negative."),
        EventMember("currency", .currency),
        EventMember("credit", .amount.orNull, "In major units, of what came in."),
        EventMember("debit", .amount.orNull, "In major units, of what went out."),
        EventMember("trans_date", .day), EventMember("occurred_at", .instant.orNull),
        EventMember("description", .text), EventMember("counterparty", .text.orNull),
        EventMember("reference", .text.orNull), EventMember("channel", .text.orNull),
        EventMember("running_balance", .amount.orNull, "In major units."),
    ])

    static let exampleRow: JSONValue = [
        "id": .string(EventExample.transaction), "status": "booked", "amount_minor": -250_000, "currency": "NGN",
        "credit": nil, "debit": 2500, "trans_date": "2024-01-15", "occurred_at": "2024-01-15T08:58:11.000Z",
        "description": "POS PURCHASE/IKEJA CITY MALL", "counterparty": nil, "reference": "000013240115085811",
        "channel": "pos", "running_balance": 153,
    ]

    static let newTransactions = EventMember("new_transactions", .count, "As `data.count`.")

    /// Rows that were found to be one, or ruled to be two.
    static func pairs(_ name: String) -> [EventMember] {
        let pair = EventSchema.object([
            EventMember("transaction", .id, "The row that keeps its life."),
            EventMember("other", .id, "The other one, where a ruling names it.", isOptional: true),
            EventMember("rule", .one(of: MatchRule.allCases.map(\.rawValue)), "By what they were taken for one."),
            EventMember("confidence", .integer, "In percent."),
            EventMember("lineage", .id, "The entry that undoes it.", isOptional: true),
        ])
        return [
            account, EventMember("count", .count, "How many pairs."),
            EventMember(
                name, .list(of: pair),
                "The pairs: `transaction` keeps its life, `other` is the other row where a ruling names it, `rule` and "
                    + "`confidence` (in percent) say by what they were taken for one, `lineage` is the entry that "
                    + "undoes it."),
        ]
    }

    static func examplePairs(_ name: String) -> JSONValue {
        .object([
            "account": .string(EventExample.account), "count": 1,
            name: [
                [
                    "transaction": .string(EventExample.transaction), "other": .string(EventExample.other),
                    "rule": "ruling", "confidence": 100, "lineage": .string(EventExample.lineage),
                ]
            ],
        ])
    }

    // MARK: people

    static let person = EventSchema.object(
        [EventMember("id", .id)]
            + [
                "firstname", "middlename", "lastname", "fullname", "bvn", "nin", "dob", "gender", "marital_status",
                "level_of_account", "nationality", "lga_of_origin", "lga_of_residence", "state_of_origin",
                "state_of_residence",
            ].map { EventMember($0, .text.orNull) }
            + ["aliases", "phone", "email", "address", "next_of_kins"].map { EventMember($0, .list(of: .text)) }
            + [EventMember("photo_id", .list(of: photo))])

    private static let photo = EventSchema.object([
        EventMember("_id", .text), EventMember("url", .text), EventMember("image_type", .text),
    ])

    static let examplePerson: JSONValue = [
        "id": .string(EventExample.identity), "firstname": "Ada", "middlename": nil, "lastname": "Okafor",
        "fullname": "Ada Okafor", "bvn": "22212345678", "nin": nil, "dob": "1990-04-12", "gender": "female",
        "marital_status": nil, "level_of_account": nil, "nationality": "Nigeria", "lga_of_origin": nil,
        "lga_of_residence": nil, "state_of_origin": "Enugu", "state_of_residence": "Lagos", "aliases": [],
        "phone": ["+2348012345678"], "email": ["ada@shop.example"], "address": ["12 Allen Avenue, Ikeja"],
        "next_of_kins": [], "photo_id": [],
    ]

    // MARK: banks

    static func health(_ name: String) -> [EventMember] {
        [
            EventMember("institution", .text, "The bank's slug."),
            EventMember("institution_id", .id.orNull, "The bank's id."),
            EventMember("name", .text, "The bank's name."), EventMember("health", .one(of: [name]), "How it is."),
            EventMember(
                "was", .one(of: InstitutionHealth.allCases.map(\.rawValue).filter { $0 != name }), "How it was."),
        ]
    }

    static func exampleHealth(_ health: String, was: String) -> JSONValue {
        [
            "institution": "access-bank", "institution_id": "5d6fe57a4099cc4b210bbec0", "name": "Access Bank",
            "health": .string(health), "was": .string(was),
        ]
    }

    // MARK: links

    static let auth = EventSchema.object([
        EventMember("clientId", .text), EventMember("type", .one(of: ["validate", "reauth"])),
        EventMember("status", .flag), EventMember("reauth", .flag), EventMember("data", .object([])),
    ])

    static func exampleAuth(isRepair: Bool) -> JSONValue {
        [
            "clientId": .string(EventExample.session), "type": isRepair ? "reauth" : "validate", "status": true,
            "reauth": .bool(isRepair), "data": [:],
        ]
    }
}

/// The ids of the examples.
public enum EventExample {
    public static let event: Int64 = 42
    public static let record = "655a5c3e9f1b2c3d4e5f6070"
    public static let account = "655a5c3e9f1b2c3d4e5f6071"
    public static let customer = "655a5c3e9f1b2c3d4e5f6072"
    public static let identity = "655a5c3e9f1b2c3d4e5f6073"
    public static let transaction = "655a5c3e9f1b2c3d4e5f6074"
    public static let other = "655a5c3e9f1b2c3d4e5f6075"
    public static let lineage = "655a5c3e9f1b2c3d4e5f6076"
    public static let endpoint = "655a5c3e9f1b2c3d4e5f6077"
    public static let project = "655a5c3e9f1b2c3d4e5f6078"
    public static let tenant = "655a5c3e9f1b2c3d4e5f6079"
    public static let refresh: Int64 = 4711
    public static let session = "8Yb2QmT1sVq0"
    public static let instant = "2024-01-15T09:00:02.000Z"
}
