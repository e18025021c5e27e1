import Synchronization

/// A counter that many tasks may take from; it wraps.
final class Counter: Sendable {
    private let value: Atomic<UInt32>
    init(_ start: UInt32) { value = Atomic(start) }
    func next() -> UInt32 { value.wrappingAdd(1, ordering: .relaxed).newValue }
}
