import Domain
import Engine
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import Storage
import Synchronization
import TestKit
import Testing
import Web

/// What the server's log says of requests.
struct LoggedPathTests {
    /// Keeps what is logged.
    private struct Lines: LogHandler {
        final class Kept: Sendable { let lines = Mutex<[String]>([]) }
        let kept: Kept
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let more = (event.metadata ?? [:]).map { "\($0.key)=\($0.value)" }.sorted()
            kept.lines.withLock { $0.append("\(event.message) \(more)") }
        }
    }

    @Test("an error that nobody foresaw is logged by its route and type, never with the id of a link session")
    func unexpected() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let view = try await world.services.links.begin(
                BeginLink(institution: "access-bank"), in: world.environment())
            try await database.write { tx in
                try tx.db.run(
                    "UPDATE link_session SET state = $2 WHERE id = $1", [.string(view.id), .blob([1, 2, 3])])
            }
            let kept = Lines.Kept()
            let core = Core(
                database: database, vault: world.core.vault, runtime: world.runtime, connectors: world.core.connectors,
                settings: world.core.settings, logger: Logger(label: "test") { _ in Lines(kept: kept) })
            let services = Services(
                core: core, bank: world.bank, book: SandboxStore(database: database, runtime: world.runtime),
                transport: SandboxBankTransport(world.bank))
            let app = WebApp(services: services)
            let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
            let traceParent = try #require(HTTPField.Name("traceparent"))
            try await Application(responder: app, services: [app.background]).test(.router) { client in
                for header in ["00-\(trace)-00f067aa0ba902b7-01", "00-\(trace)x-00f067aa0ba902b7-01"] {
                    _ = try await client.execute(uri: "/api/v1/links", method: .get, headers: [traceParent: header])
                }
                let reply = try await client.execute(
                    uri: "/api/v1/link_sessions/\(view.id)/answers", method: .post,
                    body: ByteBuffer(string: #"{"fields":{"username":"a","password":"b"}}"#))
                #expect(reply.status == .internalServerError)
            }
            let lines = kept.lines.withLock { $0 }
            #expect(
                lines.contains { $0.contains("unexpected error") && $0.contains("/link_sessions/{session}/answers") })
            #expect(!lines.contains { $0.contains(view.id) })
            // A caller's trace finds its requests here; what is no trace is not written.
            let traced = lines.filter { $0.contains("trace_id") }
            #expect(traced.count == 1 && traced[0].contains("trace_id=\(trace)") && traced[0].contains("/api/v1/links"))
        }
    }
}
