import CPostgres
import CSQLite
import Domain
import Glibc

/// The bytes of a page while it is written: raw memory, because a page is thousands of small appends and an array
/// asks at each whether it is shared. It lives inside one `Database.read`.
public final class PageBuffer {
    // Only the thread of its read touches it, and no method calls out while it writes: the checks of exclusive access
    // at every append would cost more than the appends.
    @exclusivity(unchecked) private var memory: UnsafeMutablePointer<UInt8>
    @exclusivity(unchecked) private var capacity: Int
    @exclusivity(unchecked) public private(set) var count = 0
    /// Rows of a page mostly came in together, so their instants are the same.
    private var lastInstant: (ms: Int64, start: Int)?

    public init(capacity: Int) {
        self.capacity = max(capacity, 1024)
        memory = .allocate(capacity: self.capacity)
    }

    deinit { memory.deallocate() }

    /// What was written from `start` on.
    public func bytes(from start: Int = 0) -> [UInt8] {
        Array(UnsafeBufferPointer(start: memory + start, count: count - start))
    }

    // MARK: appending

    @inline(__always)
    private func reserve(_ more: Int) {
        if count + more > capacity { grow(more) }
    }

    private func grow(_ more: Int) {
        let wider = max(capacity * 2, count + more)
        let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: wider)
        moved.update(from: memory, count: count)
        memory.deallocate()
        memory = moved
        capacity = wider
    }

    @inline(__always)
    func append(_ start: UnsafePointer<UInt8>, _ length: Int) {
        reserve(length)
        (memory + count).update(from: start, count: length)
        count += length
    }

    @inline(__always)
    func append(_ byte: UInt8) {
        reserve(1)
        memory[count] = byte
        count += 1
    }

    /// Adds the bytes as they are.
    public func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBufferPointer { if let start = $0.baseAddress { append(start, $0.count) } }
    }

    /// A comma, unless nothing stands before it.
    func separate() { if count > 0 { append(UInt8(ascii: ",")) } }

    /// A JSON null.
    public func null() { literal("null") }

    func literal(_ text: StaticString) { append(text.utf8Start, text.utf8CodeUnitCount) }

    /// Values for which no own way is needed.
    public func json(_ write: (inout JSONWriter) throws -> Void) rethrows {
        var out = JSONWriter()
        try write(&out)
        append(out.bytes)
    }

    // MARK: values

    /// A text in quotes, escaped where it must be.
    func string(_ text: UnsafeBufferPointer<UInt8>) {
        reserve(text.count + 2)
        append(UInt8(ascii: "\""))
        if let start = text.baseAddress {
            needsEscapes(text) ? escaped(text) : append(start, text.count)
        }
        append(UInt8(ascii: "\""))
    }

    private func needsEscapes(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        for byte in text where byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return true }
        return false
    }

    private func escaped(_ text: UnsafeBufferPointer<UInt8>) {
        var out = JSONWriter(capacity: text.count + 16)
        out.string(utf8: text)
        append(Array(out.bytes.dropFirst().dropLast()))
    }

    func integer(_ value: Int64) {
        reserve(20)
        if value < 0 { append(UInt8(ascii: "-")) }
        digits(value.magnitude)
    }

    /// Minor units as an exact decimal of major ones.
    func amount(_ minor: Int64, scale: Int) {
        guard scale == 2 else { return append(Array(Money.decimal(minor: minor, scale: scale).utf8)) }
        reserve(24)
        if minor < 0 { append(UInt8(ascii: "-")) }
        let (whole, fraction) = minor.magnitude.quotientAndRemainder(dividingBy: 100)
        digits(whole)
        guard fraction != 0 else { return }
        append(UInt8(ascii: "."))
        append(UInt8(48 + fraction / 10))
        if fraction % 10 != 0 { append(UInt8(48 + fraction % 10)) }
    }

    private func digits(_ magnitude: UInt64) {
        var divisor: UInt64 = 1
        while magnitude / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            append(UInt8(48 + magnitude / divisor % 10))
            divisor /= 10
        }
    }

    func instant(_ ms: Int64) {
        if let last = lastInstant, last.ms == ms {
            reserve(26)
            (memory + count).update(from: memory + last.start, count: 26)
            count += 26
            return
        }
        let start = count
        json { $0.instant(Instant(ms: ms)) }
        if count - start == 26 { lastInstant = (ms, start) }
    }
}

extension Row {
    /// A text's or blob's bytes until the next row; nil when NULL.
    @inline(__always)
    func bytes(_ column: Int) -> UnsafeBufferPointer<UInt8>? {
        switch source {
        case .sqlite(let statement):
            guard let start = sqlite3_column_blob(statement, Int32(column)) else {
                // An empty text has no address either.
                let isNull = sqlite3_column_type(statement, Int32(column)) == SQLITE_NULL
                return isNull ? nil : UnsafeBufferPointer(start: nil, count: 0)
            }
            let count = Int(sqlite3_column_bytes(statement, Int32(column)))
            return UnsafeBufferPointer(start: start.assumingMemoryBound(to: UInt8.self), count: count)
        case .postgres(let result, let row):
            guard PQgetisnull(result, row, Int32(column)) == 0, let start = PQgetvalue(result, row, Int32(column))
            else { return nil }
            let count = Int(PQgetlength(result, row, Int32(column)))
            return UnsafeBufferPointer(start: UnsafeRawPointer(start).assumingMemoryBound(to: UInt8.self), count: count)
        }
    }

    /// Whether a column holds just these bytes.
    public func holds(_ column: Int, _ expected: [UInt8]) -> Bool {
        guard let found = bytes(column), found.count == expected.count else { return false }
        return expected.withUnsafeBufferPointer { expected in
            guard let left = found.baseAddress, let right = expected.baseAddress else { return true }
            return memcmp(left, right, expected.count) == 0
        }
    }
}
