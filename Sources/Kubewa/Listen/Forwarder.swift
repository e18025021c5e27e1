import Domain
import Engine

/// Sends events to a developer's machine, one after the other, and tells what became of each.
actor Forwarder {
    private static let timeoutSeconds = 15
    private let transport: any HTTPTransport
    private let runtime: any Runtime
    private let url: String
    private let signer: ListenSigner
    private var last: PulledEvent?
    /// What was forwarded lately: a database that was restored gives it once more.
    private var seen: Set<String> = []
    private static let seenMax = 10_000

    init(to url: String, signer: ListenSigner, transport: any HTTPTransport, runtime: any Runtime) {
        self.url = url
        self.signer = signer
        self.transport = transport
        self.runtime = runtime
    }

    /// Forwards an event, unless it was forwarded before.
    func forward(_ event: PulledEvent) async {
        guard seen.insert(event.id).inserted else { return }
        if seen.count > Self.seenMax { seen = [event.id] }
        last = event
        await send(event, note: "")
    }

    /// Forwards the last one once more.
    func again() async {
        guard let last else {
            Console.say("nothing was forwarded yet")
            return
        }
        await send(last, note: "  (again)")
    }

    private func send(_ event: PulledEvent, note: String) async {
        let started = runtime.now()
        let body = body(of: event)
        let headers = signer.headers(id: event.id, at: started, body: body)
        let outcome: String
        do {
            let reply = try await transport.send(
                HTTPRequestData(
                    method: "POST", url: url, headers: headers, body: body, timeoutSeconds: Self.timeoutSeconds))
            outcome = "\((200...299).contains(reply.status) ? "✓" : "✗") \(reply.status)"
        } catch {
            outcome = "✗ \(error)"
        }
        let time = started.iso.dropFirst(11).prefix(8)
        Console.say("\(time)  \(event.type)  \(event.id)  \(outcome)  \(runtime.now() - started) ms\(note)")
    }

    /// As the webhook to this URL would be.
    private func body(of event: PulledEvent) -> [UInt8] {
        var writer = JSONWriter(capacity: event.body.count + url.utf8.count + 24)
        writer.object { out in
            out.members(Array(event.body.dropFirst().dropLast()))
            out.member("callbackURL", url)
        }
        return writer.bytes
    }
}
