import FoundationEssentials
import KubewaWebhooks

/// The example of docs/webhooks.md, which `HandleExampleTests` runs: the body of a route in any server.
struct WebhookRoute {
    struct Event: Decodable {
        var event: String
    }

    let verifier: WebhookVerifier
    /// Whether an event was handled: in your own server a look at the unique column of ids.
    let isDone: (String) -> Bool
    /// Does the work and writes the event's id, in one transaction: where it throws, neither is there, and the event
    /// comes again.
    let handle: (String, Event) throws -> Void

    /// - Returns: the status to answer with.
    func receive(_ body: [UInt8], _ headers: [String: String], nowSeconds: Int64) throws -> Int {
        do {
            let webhook = try verifier.verify(body: body, headers: headers, nowSeconds: nowSeconds)
            if !isDone(webhook.id) {
                try handle(webhook.id, try JSONDecoder().decode(Event.self, from: Data(webhook.body)))
            }
            return 204
        } catch is WebhookRefusal {
            return 401
        }
    }
}
