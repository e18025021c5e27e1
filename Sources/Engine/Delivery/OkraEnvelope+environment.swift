import Domain

extension OkraEnvelope {
    /// An event that belongs to an environment and to none of its connections.
    static func members(
        _ type: EventType, _ environment: Domain.Environment, id: Int64, sequence: Int64, at now: Instant,
        data: (inout JSONWriter) -> Void
    ) -> [UInt8] {
        let name = type.name.uppercased().map { $0 == "." ? "_" : $0 }
        var writer = JSONWriter(capacity: 512)
        writer.object { out in
            out.member("event", type.name)
            out.member("event_id", EventID.text(id))
            out.member("sequence", sequence)
            out.member("created_at", now)
            out.object("data") { data(&$0) }
            out.member("method", "INSTITUTION")
            out.member("callback_type", "INSTITUTION")
            out.member("callback_code", String(name))
            out.member("type", "CALLBACK")
            out.member("code", String(name))
            out.member("env", environment.kind.okraName)
            out.member("status", "is_success")
            out.member("started_at", now)
            out.member("ended_at", now)
            out.member("message", type.meaning)
            out.member("current_project", environment.projectID)
            out.member("owner", environment.tenantID)
        }
        return Array(writer.bytes.dropFirst().dropLast())
    }
}
