/// What is said of an attempt that failed.
enum AttemptText {
    private static let ofRefusedAddress =
        "; name one that is public, let the operator open the network by --webhook-allow-cidr, or forward to your own "
        + "machine with `kubewa listen`"

    /// The sentence of the log, with what helps where something does.
    static func told(_ error: String?, _ errorClass: String?) -> String? {
        guard let error, errorClass == "refused_address" else { return error }
        return error + ofRefusedAddress
    }
}
