/// `income.failed`
enum IncomeFailed {
    static let event = EventType(
        "income.failed",
        "An income profile that was asked for could not be made.",
        isError: true,
        okra: EventType.Okra(["INCOME"], ["INCOME_ERROR"]),
        leadsTo: .income,
        data: [EventMembers.account, EventMembers.income, EventMembers.reason],
        example: EventType.Example([
            "account": .string(EventExample.account), "income": .string(EventExample.other),
            "reason": "data_incomplete",
        ]))
}
