import Domain

/// Decides whether a bank may be asked now, and learns from how it answered.
final class BankGate: Sendable {
    init() {}
}

/// A run that must wait is put off without counting as a failure. `until` is the environment's time.
struct RefreshDeferred: Error {
    let until: Instant
    let reason: String
}
