import FoundationEssentials
import KubewaWebhooks

/// The example of docs/webhooks.md, which `HandleExampleTests` runs: the body of a route in any server.
struct WebhookRoute {
    struct Event: Decodable {
        var event: String
    }

    let verifier: WebhookVerifier
    /// False for an event that was handled before: in your own server a unique column, written with the work.
    let isNew: (String) -> Bool
    /// Given the event's id and the event.
    let handle: (String, Event) -> Void

    /// - Returns: the status to answer with.
    func receive(_ body: [UInt8], _ headers: [String: String], nowSeconds: Int64) throws -> Int {
        do {
            let webhook = try verifier.verify(body: body, headers: headers, nowSeconds: nowSeconds)
            if isNew(webhook.id) {
                handle(webhook.id, try JSONDecoder().decode(Event.self, from: Data(webhook.body)))
            }
            return 204
        } catch is WebhookRefusal {
            return 401
        }
    }
}
