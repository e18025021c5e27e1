import Engine

/// What the engine tells of its load and of its work in `/metrics`.
enum EngineGauges {
    static func all(_ core: Core) -> [WebMetrics.Gauge] {
        [
            WebMetrics.Gauge(
                "kubewa_database_units_waiting", help: "Changes that wait for the writing connection."
            ) { [("", Double(core.unitsWaiting))] },
            WebMetrics.Gauge(
                "kubewa_page_cache_bytes", help: "Memory that pages which were read before take."
            ) { [("", Double(core.pageBytesKept))] },
            WebMetrics.Gauge(
                "kubewa_work_late_seconds", help: "For how long the oldest due work waits for a node to take it."
            ) { await core.secondsLate().map { ("{kind=\"\($0.of)\"}", $0.seconds) } },
            WebMetrics.Gauge(
                "kubewa_webhook_attempts_total", kind: .counter, help: "Attempts to deliver a webhook."
            ) {
                core.deliveriesAttempted.map {
                    ("{outcome=\"\($0.outcome)\",error=\"\($0.error)\"}", Double($0.count))
                }
            },
            WebMetrics.Gauge(
                "kubewa_webhook_deliveries_waiting",
                help: "Deliveries that wait, by their turn; counted up to 100,000."
            ) { await core.deliveriesWaiting().map { ("{turn=\"\($0.of)\"}", Double($0.count)) } },
            WebMetrics.Gauge(
                "kubewa_webhook_endpoints", help: "Endpoints by how they are, of the first 100,000."
            ) { await core.endpointStates().map { ("{state=\"\($0.of)\"}", Double($0.count)) } },
            WebMetrics.Gauge(
                "kubewa_refreshes_total", kind: .counter, help: "Runs of fetching that ended or broke off."
            ) { labelled(core.refreshesRun) },
            WebMetrics.Gauge(
                "kubewa_bank_pushes_total", kind: .counter,
                help: "What banks pushed; refused is one whose signature or secret is wrong."
            ) { labelled(core.pushesReceived) },
        ] + lateness(core) + banks(core)
    }

    private static func lateness(_ core: Core) -> [WebMetrics.Gauge] {
        let name = "kubewa_webhook_lateness_seconds"
        return [
            WebMetrics.Gauge(
                name, kind: .histogram,
                help: "From due to the first byte; a first attempt is due when its event is committed."
            ) {
                core.deliveryLateness.flatMap { late -> [(labels: String, value: Double)] in
                    let attempt =
                        "attempt=\"\(late.isFirst ? "first" : "retry")\",held=\"\(late.isHeld ? "yes" : "no")\""
                    return late.upTo.map { ("_bucket{\(attempt),le=\"\($0.seconds)\"}", Double($0.count)) } + [
                        ("_bucket{\(attempt),le=\"+Inf\"}", Double(late.count)),
                        ("_sum{\(attempt)}", late.sum), ("_count{\(attempt)}", Double(late.count)),
                    ]
                }
            }
        ]
    }

    private static func banks(_ core: Core) -> [WebMetrics.Gauge] {
        [
            WebMetrics.Gauge(
                "kubewa_bank_calls_total", kind: .counter, help: "Calls to banks that were answered or failed."
            ) {
                core.bankCalls.map {
                    ("{institution=\"\($0.institution)\",outcome=\"\($0.outcome)\"}", Double($0.count))
                }
            },
            WebMetrics.Gauge("kubewa_bank_calls_in_flight", help: "Calls to banks that are under way.") {
                core.banksNow.map { ("{institution=\"\($0.institution)\"}", Double($0.inFlight)) }
            },
            WebMetrics.Gauge("kubewa_bank_breakers", help: "Breakers of banks by their state.") {
                core.banksNow.flatMap { bank in
                    bank.breakers.sorted { $0.key < $1.key }.map {
                        ("{institution=\"\(bank.institution)\",state=\"\($0.key)\"}", Double($0.value))
                    }
                }
            },
            WebMetrics.Gauge(
                "kubewa_bank_waits_total", kind: .counter, help: "Runs that were put off since a bank may not be asked."
            ) { core.bankWaits.map { ("{reason=\"\($0.of)\"}", Double($0.count)) } },
        ]
    }

    private static func labelled(_ counts: [Core.Count]) -> [(labels: String, value: Double)] {
        counts.map { ("{outcome=\"\($0.of)\"}", Double($0.count)) }
    }
}
