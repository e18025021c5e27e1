import Domain

/// What a reply that is no data is instead; every connector tells it in the same words.
extension BankFault {
    /// Of a body that should be JSON and cannot be read.
    public init(body: [UInt8]) {
        guard let first = body.first(where: { $0 > 0x20 }) else {
            self = .emptyBody
            return
        }
        self = first == UInt8(ascii: "<") ? .htmlBody : .unreadableBody
    }

    /// Of an exchange that brought no whole reply; nil when it is this server's own doing.
    public init?(_ error: HTTPTransportError) {
        switch error {
        case .cannotConnect, .dns, .proxy: self = .unreachable
        case .timedOut, .connectTimedOut: self = .timedOut
        case .brokenOff, .malformed: self = .brokenOff
        case .tooLarge: self = .bodyTooLarge
        case .invalidURL, .refusedAddress, .notSecure, .tls, .tlsExpired, .tlsName, .tlsAuthorities: return nil
        }
    }

    /// Of an amount that cannot be read.
    public init(_ error: MoneyError) {
        switch error {
        case .notANumber: self = .amountUnreadable
        case .tooFine: self = .amountTooFine
        case .tooLarge: self = .amountTooLarge
        }
    }
}
