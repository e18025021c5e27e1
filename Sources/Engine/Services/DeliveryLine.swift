import Domain

/// Deliveries and attempts as JSON, for replies and exports alike.
public enum DeliveryLine {
    /// A delivery's members without its attempts.
    public static func members(_ view: DeliveryView, _ out: inout JSONWriter) {
        out.member("id", view.id)
        out.member("event", view.eventID)
        out.member("type", view.type)
        out.member("connection", view.connectionID)
        out.member("sequence", view.sequence)
        out.member("endpoint", view.endpointID)
        out.member("status", view.state.rawValue)
        out.member("occurred_at", view.occurredAt)
        out.member("attempt_count", view.attempts.count)
        out.member("next_attempt_at", view.nextAttemptAt)
        out.member("replay", view.replayID)
    }

    /// An attempt's members beside those of its delivery.
    public static func attempt(_ view: AttemptLogView, _ out: inout JSONWriter) {
        out.member("id", view.id)
        out.member("number", view.number)
        out.member("at", view.at)
        out.member("duration_ms", view.durationMs)
        out.member("response_status", view.status.map(Int64.init))
        out.member("error_class", view.errorClass)
        out.member("error", view.error)
        out.member("outcome", view.outcome)
    }

    /// A line of an export: the delivery with all its attempts, and the line's end.
    public static func bytes(_ view: DeliveryView) -> [UInt8] {
        var out = JSONWriter(capacity: 512)
        out.object { out in
            members(view, &out)
            out.array("attempts") { out in for one in view.attempts { out.object { attempt(one, &$0) } } }
        }
        return out.bytes + [UInt8(ascii: "\n")]
    }
}
