/// `income.success`
enum IncomeSuccess {
    static let event = EventType(
        "income.success",
        "An income profile is ready.",
        okra: EventType.Okra(["INCOME"], ["INCOME_IS_READY"]),
        leadsTo: .income,
        data: [EventMembers.account, EventMembers.income],
        resource: EventMembers.incomeDetails,
        example: EventType.Example(
            ["account": .string(EventExample.account), "income": .string(EventExample.other)],
            resource: EventMembers.exampleIncome))
}
