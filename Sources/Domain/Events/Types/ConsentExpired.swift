/// `consent.expired`
enum ConsentExpired {
    static let event = EventType(
        "consent.expired",
        "The user's consent has ended; data is kept, nothing more is fetched.",
        isError: true,
        okra: EventType.Okra(["AUTH"], ["CONSENT_EXPIRED"]),
        leadsTo: .connection,
        data: [
            EventMembers.daysLeft, EventMembers.consentEnd, EventMembers.reauthURL, EventMembers.reauthURLEnd,
        ],
        example: EventType.Example([
            "days_left": 0, "consent_expires_at": "2024-01-15T09:00:00.000Z",
            "reauth_url": "https://kubewa.example/l/k7QmT1sV", "reauth_url_expires_at": "2024-01-22T09:00:02.000Z",
        ]))
}
