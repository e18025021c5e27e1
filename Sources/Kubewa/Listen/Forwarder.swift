import Domain
import Engine

/// Sends events to a developer's machine, one after the other, and tells what became of each.
actor Forwarder {
    private static let timeoutSeconds = 15
    private let transport: any HTTPTransport
    private let runtime: any Runtime
    private let url: String
    private let signer: ListenSigner
    /// What was forwarded last, the oldest first.
    private var kept: [(event: PulledEvent, isTaken: Bool)] = []
    private static let keptMax = FeedService.lastMax
    private static let keptBytesMax = 32 * 1024 * 1024
    /// What was forwarded lately: a database that was restored gives it once more.
    private var seen: Set<String> = []
    private static let seenMax = 10_000
    /// What was asked for last. What is asked next waits for its end, so that `r` sends what came last and not what
    /// was answered last.
    private var latest: Task<Void, Never>?

    init(to url: String, signer: ListenSigner, transport: any HTTPTransport, runtime: any Runtime) {
        self.url = url
        self.signer = signer
        self.transport = transport
        self.runtime = runtime
    }

    /// Forwards an event, unless it was forwarded before.
    func forward(_ event: PulledEvent) async {
        await inTurn { await $0.forwardNow(event) }
    }

    /// Forwards some of what was forwarded once more, in its order.
    func again(_ wish: TypedLine.Again) async {
        await inTurn { await $0.againNow(wish) }
    }

    private func inTurn(_ work: @escaping @Sendable (Forwarder) async -> Void) async {
        let before = latest
        let mine = Task {
            await before?.value
            await work(self)
        }
        latest = mine
        await mine.value
    }

    private func forwardNow(_ event: PulledEvent) async {
        guard seen.insert(event.id).inserted else { return }
        if seen.count > Self.seenMax { seen = [event.id] }
        let isTaken = await send(event, note: "")
        kept.append((event, isTaken))
        var bytes = kept.reduce(0) { $0 + $1.event.body.count }
        while kept.count > Self.keptMax || (bytes > Self.keptBytesMax && kept.count > 1) {
            bytes -= kept.removeFirst().event.body.count
        }
    }

    private func againNow(_ wish: TypedLine.Again) async {
        let chosen: [Int]
        switch wish {
        case .last(let count): chosen = Array(kept.indices.suffix(count))
        case .failed: chosen = kept.indices.filter { !kept[$0].isTaken }
        }
        guard !chosen.isEmpty else {
            Console.say(kept.isEmpty ? "nothing was forwarded yet" : "nothing failed: your handler took all of it")
            return
        }
        if case .last(let count) = wish, count > chosen.count, count < Int.max {
            Console.say("only \(chosen.count) are kept here; `--replay N` begins with more")
        }
        for place in chosen { kept[place].isTaken = await send(kept[place].event, note: "  (again)") }
    }

    /// - Returns: whether the handler took it.
    private func send(_ event: PulledEvent, note: String) async -> Bool {
        let started = runtime.now()
        let body = body(of: event)
        let headers = signer.headers(id: event.id, at: started, body: body)
        let outcome: String
        var isTaken = false
        do {
            let reply = try await transport.send(
                HTTPRequestData(
                    method: "POST", url: url, headers: headers, body: body, timeoutSeconds: Self.timeoutSeconds))
            isTaken = (200...299).contains(reply.status)
            outcome = "\(isTaken ? "✓" : "✗") \(reply.status)"
        } catch {
            outcome = "✗ \(error)"
        }
        let time = started.iso.dropFirst(11).prefix(8)
        Console.say("\(time)  \(event.type)  \(event.id)  \(outcome)  \(runtime.now() - started) ms\(note)")
        return isTaken
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
