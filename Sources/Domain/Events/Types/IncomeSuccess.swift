/// `income.success`
enum IncomeSuccess {
    static let event = EventType(
        "income.success",
        "An income profile is ready.",
        isPlanned: true,
        okra: EventType.Okra(["INCOME"], ["INCOME_IS_READY"]),
        leadsTo: .connection,
        data: [EventMember("income", .id, "The income profile.")],
        example: EventType.Example(["income": .string(EventExample.other)]))
}
