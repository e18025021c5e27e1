import Storage

extension Core {
    /// Changes that wait for the database's writing connection: a gauge of load.
    public var unitsWaiting: Int { database.unitsWaiting }
}
