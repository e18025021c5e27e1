/// `record.reauth_required`
enum RecordReauthRequired {
    static let event = EventType(
        "record.reauth_required",
        "The user must log in at the bank again; data is kept, refreshes wait.",
        isError: true,
        okra: EventType.Okra(["AUTH"], ["REAUTH_REQUIRED"]),
        leadsTo: .connection,
        data: [
            EventMembers.reason,
            EventMember("action", .text.orNull, "What the user does: `reauthenticate` or `at_bank`."),
            EventMembers.reauthURL, EventMembers.reauthURLEnd,
        ],
        example: EventType.Example([
            "reason": "reauth_required", "action": "reauthenticate",
            "reauth_url": "https://kubewa.example/l/k7QmT1sV", "reauth_url_expires_at": "2024-01-22T09:00:02.000Z",
        ]))
}
