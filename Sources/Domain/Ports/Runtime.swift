/// Where time and chance come in. Tests put a clock that is moved by hand in its place.
public protocol Runtime: Sendable {
    /// Machine time.
    func now() -> Instant
    /// So many bytes that nobody can guess.
    func randomBytes(_ count: Int) -> [UInt8]
    /// Returns at the deadline, or throws `CancellationError`.
    func sleep(until deadline: Instant) async throws
    var ids: IDGenerator { get }
}

extension Runtime {
    /// An id made at the machine's present time.
    public func newID<Owner>() -> ID<Owner> { ids.next(at: now()) }
}
