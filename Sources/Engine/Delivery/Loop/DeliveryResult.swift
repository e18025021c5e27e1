import Domain

/// What one request came to, as pace, health and the log take it.
struct DeliveryResult: Sendable {
    let outcome: WebhookOutcome
    let startedAt: Instant
    let endedAt: Instant

    var status: Int? { outcome.status }
    var isSuccess: Bool { outcome.isSuccess }
    /// The endpoint said that it is gone for good.
    var isGone: Bool { outcome.status == 410 }

    var pace: EndpointPacer.Outcome {
        if isSuccess { return .success }
        switch outcome.status {
        case 429, 502, 503, 504: return .overloaded
        case .some: return .refused
        case nil: return outcome.error?.isTimeout == true ? .overloaded : .unreachable
        }
    }

    /// For how long the whole endpoint asked to be left alone.
    var laneRetryAfterMs: Int64? {
        guard outcome.status == 429 || outcome.status == 503 else { return nil }
        return outcome.retryAfterSeconds.map { Int64($0) * 1000 }
    }

    /// What went wrong, in a word; nil when nothing did.
    var errorClass: String? {
        if isSuccess { return nil }
        if let status = outcome.status { return "status_\(status / 100)xx" }
        return outcome.error?.metricName ?? "unknown"
    }
}

extension HTTPTransportError {
    var isTimeout: Bool { self == .timedOut || self == .connectTimedOut }

    /// As the log and the metrics have it.
    var metricName: String {
        switch self {
        case .cannotConnect: "connect"
        case .connectTimedOut: "timeout_connect"
        case .timedOut: "timeout"
        case .brokenOff: "broken_off"
        case .malformed: "malformed"
        case .tooLarge: "too_large"
        case .invalidURL: "invalid_url"
        case .refusedAddress: "refused_address"
        case .notSecure: "not_secure"
        case .tls: "tls"
        case .tlsExpired: "tls_expired"
        case .tlsName: "tls_name"
        case .tlsAuthorities: "tls_authorities"
        case .dns: "dns"
        case .proxy: "proxy"
        }
    }
}
