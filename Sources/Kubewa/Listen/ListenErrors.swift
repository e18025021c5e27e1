import Domain

/// Why listening does not begin, or cannot go on. Every sentence says what to do.
enum ListenError: Error, CustomStringConvertible {
    case noKey
    case unknownKey
    case otherEnvironment(String)
    case away(String, HTTPTransportError)
    case busy(String, Int)
    case notKubewa(String)
    case refused(String)

    var description: String {
        switch self {
        case .noKey:
            "A secret key is needed: give --key, or set KUBEWA_SECRET_KEY. `kubewa tenants create` prints one, "
                + "`kubewa keys renew --kind secret` makes a new one."
        case .unknownKey:
            "The server does not know this key, or it was revoked. Check --key and --url; "
                + "`kubewa keys list` shows which keys live."
        case .otherEnvironment(let kind): "The key belongs to the \(kind). Give that key's --env, or the other key."
        case .away(let url, let error): "\(url) cannot be asked: \(error). Check --url, and that `kubewa serve` runs."
        case .busy(let url, let status): "\(url) answers \(status): it is not ready. Try again in a moment."
        case .notKubewa(let url): "What answers at \(url) is no Kubewa that can be listened to. Check --url."
        case .refused(let message): message
        }
    }

    /// Whether another try may go well: the server is away, or not ready.
    var isPassing: Bool {
        switch self {
        case .away(_, let error): ![.invalidURL, .tls].contains(error)
        case .busy: true
        default: false
        }
    }
}
