import Engine

/// What the engine tells of its load in `/metrics`.
enum EngineGauges {
    static func all(_ core: Core) -> [WebMetrics.Gauge] {
        [
            WebMetrics.Gauge(
                "kubewa_database_units_waiting", help: "Changes that wait for the writing connection."
            ) { [("", Double(core.unitsWaiting))] },
            WebMetrics.Gauge(
                "kubewa_page_cache_bytes", help: "Memory that pages which were read before take."
            ) { [("", Double(core.pageBytesKept))] },
        ]
    }
}
