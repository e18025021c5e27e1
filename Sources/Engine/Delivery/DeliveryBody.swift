import Domain

/// The bytes of one request's body.
enum DeliveryBody {
    /// - Parameters:
    ///   - members: of the event, as they are kept.
    ///   - url: where it goes, which Okra's envelope names.
    ///   - isReplayed: it is sent again on request.
    static func render(_ members: [UInt8], url: String, isReplayed: Bool) -> [UInt8] {
        var writer = JSONWriter(capacity: members.count + url.utf8.count + 48)
        writer.object { out in
            out.members(members)
            out.member("callbackURL", url)
            if isReplayed { out.member("replayed", true) }
        }
        return writer.bytes
    }

    /// Sent beside the signature with what is sent again.
    static let replayedHeader = (name: "webhook-replayed", value: "true")
}

extension WebhookEndpoint {
    /// The endpoint as it is for a replay to another URL, whose certificate is any other server's, and which is sent to
    /// whether or not the endpoint itself is.
    func elsewhere(_ url: String) -> WebhookEndpoint {
        var changed = self
        changed.url = url
        changed.status = .active
        changed.authorities = nil
        changed.retrySeconds = []
        return changed
    }
}
