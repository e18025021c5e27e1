/// `record.removed`
enum RecordRemoved {
    static let event = EventType(
        "record.removed",
        "The record was removed with all its data; it is its last event.",
        okra: EventType.Okra(["AUTH"], ["RECORD_REMOVED"]),
        leadsTo: .lastEvent)
}
