/// `statement.due`
enum StatementDue {
    static let event = EventType(
        "statement.due",
        "The next statement of a record that files feed can be expected; `upload_url` opens the page for it.",
        okra: EventType.Okra(["TRANSACTIONS"], ["STATEMENT_DUE"]),
        leadsTo: .connection,
        data: [
            EventMember("statements_to", .day, "The last day of the newest statement."),
            EventMember("due_on", .day, "The day on which the next one can be expected."),
            EventMember("upload_url", .url, "Opens the page on which it is uploaded; safe to be sent by SMS."),
            EventMember("upload_url_expires_at", .instant.orNull, "Until when that works."),
        ],
        example: EventType.Example([
            "statements_to": "2023-12-31", "due_on": "2024-01-15",
            "upload_url": "https://kubewa.example/l/k7QmT1sV", "upload_url_expires_at": "2024-01-22T09:00:02.000Z",
        ]))
}
