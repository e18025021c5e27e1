import Domain
import Engine
import HTTPTypes
import NIOCore

/// What banks push to us.
enum UpstreamRoutes {
    static let all: [Route] = [
        Route(
            .post, "/upstream/{connector}", wire: .native, access: .open,
            summary: "A bank tells that there is new data; its connector checks the signature.",
            example: "{\"not\":\"a push\"}", isLong: true
        ) { call in
            let headers = call.headers.map { (name: $0.name.rawName, value: $0.value) }
            let count = try await call.services.upstream.receive(
                connector: call.parameter("connector"), headers: headers, body: call.bytes)
            return Reply.json(status: .accepted) { out in out.object { $0.member("connections", count) } }
        }
    ]
}

/// Probes and metrics, for those who run the server.
enum ProbeRoutes {
    /// A database that hangs is told to who watches, before he gives up.
    static let secondsMax: Int64 = 5

    static func all(_ metrics: WebMetrics, _ role: NodeRole, _ gauges: [WebMetrics.Gauge]) -> [Route] {
        [
            Route(
                .get, "/health", wire: .plain, access: .open, summary: "This process answers.", example: "{}"
            ) { _ in
                Reply.json { out in
                    out.object { out in
                        out.member("status", "ok")
                        out.member("role", role.rawValue)
                    }
                }
            },
            Route(
                .get, "/ready", wire: .plain, access: .open, summary: "The database answers.", example: "{}",
                secondsMax: secondsMax
            ) { call in
                try await call.services.reads.ping()
                return Reply.json { out in out.object { $0.member("status", "ready") } }
            },
            Route(
                .get, "/metrics", wire: .plain, access: .open, summary: "Counts in Prometheus' text form.",
                example: "{}", secondsMax: secondsMax
            ) { _ in
                let text = await metrics.text(gauges: gauges)
                return Reply(contentType: "text/plain; version=0.0.4; charset=utf-8", body: ByteBuffer(string: text))
            },
        ]
    }
}
