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
    private static let classes: [(error: HTTPTransportError, name: String)] = [
        (.cannotConnect, "connect"), (.timedOut, "timeout"), (.brokenOff, "broken_off"), (.tooLarge, "too_large"),
        (.invalidURL, "invalid_url"), (.refusedAddress, "refused_address"), (.notSecure, "not_secure"), (.tls, "tls"),
        (.dns, "dns"),
    ]

    var isTimeout: Bool { self == .timedOut }
    var metricName: String { Self.classes.first { $0.error == self }?.name ?? "other" }
}
