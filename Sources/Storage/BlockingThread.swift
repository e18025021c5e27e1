import Domain
import Glibc

/// Work that waits for a thread of its own, first in, first out. A blocking C call must never sit on Swift's
/// cooperative threads, so connections live on threads that take from here.
///
/// `@unchecked Sendable`: everything mutable is read and written under `lock`, which Swift cannot see.
final class BlockingQueue<Element: Sendable>: @unchecked Sendable {
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let filled: UnsafeMutablePointer<pthread_cond_t>
    private let countMax: Int
    private var items: [Element] = []
    private var head = 0
    private var isClosed = false
    private var waiting = 0
    /// A taker that lingers is not woken before so many items wait.
    private var wakeAt = 1

    init(countMax: Int) {
        self.countMax = countMax
        lock = .allocate(capacity: 1)
        lock.initialize(to: pthread_mutex_t())
        pthread_mutex_init(lock, nil)
        filled = .allocate(capacity: 1)
        filled.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(filled, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(filled)
        pthread_mutex_destroy(lock)
        filled.deallocate()
        lock.deallocate()
    }

    func push(_ item: Element) throws(StorageError) {
        let isWanted = try append(item)
        // After the lock is free, so that the woken thread does not wait for it again.
        if isWanted { pthread_cond_signal(filled) }
    }

    private func append(_ item: Element) throws(StorageError) -> Bool {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        if isClosed { throw StorageError(.closed) }
        if items.count - head >= countMax { throw StorageError(.busy, "\(countMax) wait already") }
        items.append(item)
        return waiting > 0 && items.count - head >= wakeAt
    }

    var count: Int {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return items.count - head
    }

    /// What waits is still taken; nothing more comes in.
    func close() {
        pthread_mutex_lock(lock)
        isClosed = true
        pthread_cond_broadcast(filled)
        pthread_mutex_unlock(lock)
    }

    /// Blocks until there is an item.
    /// - Returns: nil when the queue is closed and empty.
    func next() -> Element? { nextBatch(max: 1)?.first }

    /// Blocks until there is at least one item, and takes up to `max`. If `expected` are likely to come soon, waits
    /// for them at most `lingerMicroseconds`.
    func nextBatch(max: Int, expected: Int = 1, lingerMicroseconds: Int = 0) -> [Element]? {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        waiting += 1
        while items.count == head, !isClosed { pthread_cond_wait(filled, lock) }
        if items.count - head < expected, !isClosed { linger(until: expected, lingerMicroseconds) }
        waiting -= 1
        let end = min(items.count, head + max)
        if end == head { return nil }
        let batch = Array(items[head..<end])
        head = end
        if head == items.count {
            items.removeAll(keepingCapacity: true)
            head = 0
        } else if head > 4096 {
            items.removeFirst(head)
            head = 0
        }
        return batch
    }

    private func linger(until expected: Int, _ microseconds: Int) {
        var deadline = timespec()
        clock_gettime(CLOCK_MONOTONIC, &deadline)
        deadline.tv_nsec += microseconds * 1000
        deadline.tv_sec += deadline.tv_nsec / 1_000_000_000
        deadline.tv_nsec %= 1_000_000_000
        wakeAt = expected
        while items.count - head < expected, !isClosed {
            if pthread_cond_timedwait(filled, lock, &deadline) == ETIMEDOUT { break }
        }
        wakeAt = 1
    }
}

/// A thread for blocking calls. It ends when its body returns.
enum BlockingThread {
    private final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    static func start(_ body: @escaping @Sendable () -> Void) throws(StorageError) {
        let start = Unmanaged.passRetained(Start(body))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, start.toOpaque())
        guard code == 0 else {
            start.release()
            throw StorageError(.cannotOpen, "no thread: \(String(cString: strerror(code)))")
        }
        pthread_detach(thread)
    }
}
