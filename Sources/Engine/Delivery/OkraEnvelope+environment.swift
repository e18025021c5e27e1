import Domain

/// An event of an environment that belongs to none of its connections.
struct EnvironmentDraft {
    var type: EventType
    /// `method` and `callback_type` of Okra's envelope.
    var method: String
    /// nil for the event's name in capitals.
    var code: String?
    /// nil for what the catalogue says of the event.
    var message: String?
    /// What it is about, as it stands in the path that shows it; `id` is how the reply names it.
    var subject: String
    var id: String?
    /// Members of `data`. There is no complete body: nothing here is personal.
    var data: (inout JSONWriter) -> Void = { _ in }
}

extension OkraEnvelope {
    /// As the members of a connection's event, without a record.
    static func members(
        _ draft: EnvironmentDraft, _ environment: Domain.Environment, id: Int64, sequence: Int64, at now: Instant
    ) -> [UInt8] {
        let code = draft.code ?? String(draft.type.name.uppercased().map { $0 == "." ? "_" : $0 })
        var writer = JSONWriter(capacity: 512)
        writer.object { out in
            out.member("event", draft.type.name)
            out.member("event_id", EventID.text(id))
            out.member("sequence", sequence)
            out.member("epoch", Epoch.of(id: id))
            out.member("created_at", now)
            out.object("data") { data in
                draft.data(&data)
                let query = ChangeQuery(draft.type.leadsTo, draft.subject, ids: [draft.id ?? draft.subject])
                data.object("query") { query.write(event: EventID.text(id), &$0) }
            }
            out.member("method", draft.method)
            out.member("callback_type", draft.method)
            out.member("callback_code", code)
            out.member("type", "CALLBACK")
            out.member("code", code)
            out.member("env", environment.kind.okraName)
            out.member("status", draft.type.isError ? "is_error" : "is_success")
            out.member("started_at", now)
            out.member("ended_at", now)
            out.member("message", draft.message ?? draft.type.meaning)
            out.member("current_project", environment.projectID)
            out.member("owner", environment.tenantID)
        }
        return Array(writer.bytes.dropFirst().dropLast())
    }
}
