/// `consent.expiring`
enum ConsentExpiring {
    static let event = EventType(
        "consent.expiring",
        "The user's consent ends in `days_left` days; `reauth_url` renews it.",
        okra: EventType.Okra(["AUTH"], ["CONSENT_EXPIRING"]),
        leadsTo: .connection,
        data: [
            EventMembers.daysLeft, EventMembers.consentEnd, EventMembers.reauthURL, EventMembers.reauthURLEnd,
        ],
        example: EventType.Example([
            "days_left": 3, "consent_expires_at": "2024-01-18T09:00:00.000Z",
            "reauth_url": "https://kubewa.example/l/k7QmT1sV", "reauth_url_expires_at": "2024-01-22T09:00:02.000Z",
        ]))
}
