/// The JSON Schema of an event's whole body, as it is sent.
extension EventType {
    private static let dialect = "https://json-schema.org/draft/2020-12/schema"

    /// - Parameter isComplete: for endpoints that get the whole resource.
    public func schema(isComplete: Bool) -> EventSchema {
        var members =
            EventSchema.object(native(isComplete) + envelope + bank(isComplete) + (isComplete ? completeTop : top)).json
            .members ?? [:]
        members["$schema"] = .string(Self.dialect)
        members["title"] = .string(name)
        members["description"] = .string(meaning)
        return EventSchema(.object(members))
    }

    private func native(_ isComplete: Bool) -> [EventMember] {
        [
            EventMember("event", .one(of: [name])),
            EventMember("event_id", .eventID, "The same over all retries; drop repeats by it."),
            EventMember("sequence", .integer, "Counts the events of what it belongs to without gaps."),
            EventMember("epoch", .integer, "The life of the database in which `sequence` counts."),
            EventMember("created_at", .instant),
            EventMember("data", .object(dataMembers(isComplete))),
            EventMember("callbackURL", .url, "Where this webhook was sent.", isOptional: true),
            EventMember("previous_sequence", .integer, "Only in the feed.", isOptional: true),
            EventMember("replayed", .flag, "It is sent again.", isOptional: true),
        ]
    }

    /// Members of `data`, with those that every event of the source has.
    public func dataMembers(_ isComplete: Bool) -> [EventMember] {
        var members: [EventMember] = []
        if source == .record {
            members += [
                EventMember("record", .id, "The connection."), EventMember("customer", .id, "Whose it is."),
                EventMember("refresh", .refreshID, "The run that it is of.", isOptional: true),
            ]
        }
        members += data
        if isComplete, let resource {
            members.append(
                EventMember(
                    "resource", resource, "The whole of it, in complete bodies.", isOptional: leadsTo == .transactions))
        }
        members.append(EventMember("example", .flag, "It was fired by hand and tells of nothing.", isOptional: true))
        return members + [
            EventMember("query", ChangeQuery.schema(leadsTo), "The call that gets exactly what has changed.")
        ]
    }

    private var envelope: [EventMember] {
        [
            EventMember("method", .one(of: okra.methods)), EventMember("callback_type", .one(of: okra.methods)),
            EventMember("callback_code", .one(of: okra.codes)), EventMember("code", .one(of: okra.codes)),
            EventMember("type", .one(of: ["CALLBACK"])),
            EventMember("env", .one(of: ["production", "production-sandbox"])),
            EventMember("status", .one(of: [isError ? "is_error" : "is_success"])),
            EventMember("started_at", .instant), EventMember("ended_at", .instant), EventMember("message", .text),
            EventMember("current_project", .id), EventMember("owner", .id),
        ]
    }

    private func bank(_ isComplete: Bool) -> [EventMember] {
        guard source == .record else { return [] }
        var members = [
            EventMember("meta_responses", .nothing), EventMember("options", .anything),
            EventMember("meta", .anything), EventMember("bankName", .text), EventMember("bankType", .text.orNull),
            EventMember("bankId", .id.orNull), EventMember("bankSlug", .text), EventMember("record", .id),
            EventMember("recordId", .id), EventMember("callback_url", .url), EventMember("login_type", .text),
            EventMember("customerId", .id), EventMember("customerEmail", .list(of: .text)),
            EventMember("country", .text), EventMember("extras", .anything),
            EventMember(
                "nuban", .text, isComplete ? "The account's number." : "The last four digits of the account's number.",
                isOptional: true),
        ]
        if isComplete { members.append(EventMember("customerBvn", .text, isOptional: true)) }
        return members
    }
}
