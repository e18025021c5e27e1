import Synchronization

/// Counts of this process in Prometheus' text form. It is small on purpose: names and labels are fixed in code, so
/// their number is bounded.
public final class WebMetrics: Sendable {
    /// A number that is read when it is asked for.
    public struct Gauge: Sendable {
        /// A counter only grows; the lines of a histogram end its name themselves.
        public enum Kind: String, Sendable { case gauge, counter, histogram }

        public let name: String
        public let kind: Kind
        public let help: String
        public let read: @Sendable () async -> [(labels: String, value: Double)]

        public init(
            _ name: String, kind: Kind = .gauge, help: String,
            read: @escaping @Sendable () async -> [(labels: String, value: Double)]
        ) {
            self.name = name
            self.kind = kind
            self.help = help
            self.read = read
        }
    }

    private struct Key: Hashable {
        let route: String
        let method: String
        let status: Int
    }
    private struct Sum {
        var count = 0
        var milliseconds: Int64 = 0
    }
    private let sums = Mutex<[Key: Sum]>([:])

    public init() {}

    func record(route: String, method: String, status: Int, milliseconds: Int64) {
        let key = Key(route: route, method: method, status: status)
        sums.withLock {
            $0[key, default: Sum()].count += 1
            $0[key, default: Sum()].milliseconds += milliseconds
        }
    }

    func text(gauges: [Gauge]) async -> String {
        let rows = sums.withLock { $0 }.map { (labels: labels($0.key), sum: $0.value) }.sorted { $0.labels < $1.labels }
        var out = "# HELP kubewa_http_requests_total Requests answered.\n# TYPE kubewa_http_requests_total counter\n"
        for row in rows { out += "kubewa_http_requests_total\(row.labels) \(row.sum.count)\n" }
        out += "# HELP kubewa_http_request_seconds Time until the answer was ready.\n"
        out += "# TYPE kubewa_http_request_seconds summary\n"
        for row in rows {
            out += "kubewa_http_request_seconds_sum\(row.labels) \(Double(row.sum.milliseconds) / 1000)\n"
            out += "kubewa_http_request_seconds_count\(row.labels) \(row.sum.count)\n"
        }
        for gauge in gauges {
            out += "# HELP \(gauge.name) \(gauge.help)\n# TYPE \(gauge.name) \(gauge.kind.rawValue)\n"
            for (labels, value) in await gauge.read() { out += "\(gauge.name)\(labels) \(value)\n" }
        }
        return out
    }

    private func labels(_ key: Key) -> String {
        "{method=\"\(key.method)\",route=\"\(key.route)\",status=\"\(key.status)\"}"
    }
}
