/// Options by the members of the API that they set. Errors of the services name members.
enum OptionNames {
    static let ofMembers: [String: String] = {
        let alike = [
            "url", "description", "payload", "token", "authorities", "rate_per_second", "in_flight_max", "ordering",
            "retry_seconds", "overlap_seconds", "kind", "event", "delivery", "types", "connection", "endpoint",
            "status",
            "never_attempted", "from", "to",
        ]
        let others = [
            "event_types": "--event-type", "payloads": "--payload-of", "headers": "--header",
            "signatures": "--signature", "splits_transactions": "--split-transactions",
        ]
        return others.merging(alike.map { ($0, "--" + $0.replacing("_", with: "-")) }) { first, _ in first }
    }()
}
