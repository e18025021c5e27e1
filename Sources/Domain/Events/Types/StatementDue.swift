/// `statement.due`
enum StatementDue {
    static let event = EventType(
        "statement.due",
        "The next statement of a record that files feed can be expected; `upload_url` opens the page for it.",
        okra: EventType.Okra(["TRANSACTIONS"], ["STATEMENT_DUE"]),
        leadsTo: .connection,
        data: [
            EventMember("statements_to", .day, "The last day of the newest statement."),
            EventMember("due_on", .day), EventMember("upload_url", .url),
            EventMember("upload_url_expires_at", .instant.orNull),
        ],
        example: EventType.Example([
            "statements_to": "2023-12-31", "due_on": "2024-01-15",
            "upload_url": "https://kubewa.example/l/k7QmT1sV", "upload_url_expires_at": "2024-01-22T09:00:02.000Z",
        ]))
}
