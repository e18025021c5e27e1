/// `income.failed`
enum IncomeFailed {
    static let event = EventType(
        "income.failed",
        "An income profile could not be made.",
        isPlanned: true,
        isError: true,
        okra: EventType.Okra(["INCOME"], ["INCOME_ERROR"]),
        leadsTo: .connection,
        data: [EventMembers.reason],
        example: EventType.Example(["reason": "data_incomplete"]))
}
