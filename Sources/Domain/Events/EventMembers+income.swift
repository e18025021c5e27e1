/// What events tell of an income.
extension EventMembers {
    static let income = EventMember("income", .id, "The income profile.")

    static let incomeDetails = EventSchema.object([
        EventMember("currency", .currency),
        EventMember("from", .day.orNull, "The first of the days that were looked at."),
        EventMember("to", .day.orNull, "The last of them."),
        EventMember("employer", .text.orNull),
        EventMember("total_minor", .integer.orNull, "In minor units, as all amounts of it."),
        EventMember("annual_minor", .integer.orNull), EventMember("monthly_minor", .integer.orNull),
        EventMember("regular_monthly_minor", .integer.orNull),
        EventMember("irregular_monthly_minor", .integer.orNull),
        EventMember("streams", .list(of: incomeStream), "What comes in again and again."),
    ])

    private static let incomeStream = EventSchema.object([
        EventMember("kind", .text.orNull, "As `salary` or `wages`, in the bank's words."),
        EventMember("frequency", .text.orNull, "As `monthly` or `variable`, in the bank's words."),
        EventMember("monthly_minor", .integer.orNull, "How much of it comes in a month."),
        EventMember("average_minor", .integer.orNull, "How much of it comes at once."),
        EventMember("first_on", .day.orNull), EventMember("last_on", .day.orNull),
        EventMember("last_minor", .integer.orNull), EventMember("last_description", .text.orNull),
        EventMember("count", .integer.orNull, "How often it came."),
        EventMember("months_with_income", .integer.orNull), EventMember("months", .integer.orNull),
        EventMember("stability_percent", .integer.orNull, "100 is the same each month."),
    ])

    static let exampleIncome: JSONValue = [
        "currency": "NGN", "from": "2023-07-16", "to": "2024-01-15", "employer": nil, "total_minor": 210_000_000,
        "annual_minor": 420_000_000, "monthly_minor": 35_000_000, "regular_monthly_minor": 35_000_000,
        "irregular_monthly_minor": 0,
        "streams": [
            [
                "kind": "salary", "frequency": "monthly", "monthly_minor": 35_000_000, "average_minor": 35_000_000,
                "first_on": "2023-07-25", "last_on": "2023-12-22", "last_minor": 35_000_000,
                "last_description": "SALARY DEC 2023", "count": 6, "months_with_income": 6, "months": 6,
                "stability_percent": 100,
            ]
        ],
    ]
}
