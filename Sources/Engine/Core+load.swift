import Storage

extension Core {
    /// Changes that wait for the database's writing connection: a gauge of load.
    public var unitsWaiting: Int { database.unitsWaiting }

    /// Memory that pages which were read before take, of `EngineSettings.pageCacheBytes`.
    public var pageBytesKept: Int { pages.bytes }
}
