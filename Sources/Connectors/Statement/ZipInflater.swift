import CZlib
import Synchronization

/// Unpacks one deflated file of a zip, in pieces.
final class ZipInflater: Sendable {
    private struct State {
        /// At a fixed place: zlib remembers where its stream lies.
        let stream: UnsafeMutablePointer<z_stream>
        var isReady = false
        var isDone = false
    }

    private static let pieceBytes = 64 << 10
    /// A raw stream, without the header of zlib or gzip.
    private static let windowBits: Int32 = -15
    private let state: Mutex<State>

    init() {
        var first = State(stream: .allocate(capacity: 1))
        first.stream.initialize(to: z_stream())
        first.isReady =
            inflateInit2_(first.stream, Self.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        state = Mutex(first)
    }

    deinit {
        state.withLock { state in
            if state.isReady { inflateEnd(state.stream) }
            state.stream.deinitialize(count: 1)
            state.stream.deallocate()
        }
    }

    var isDone: Bool { state.withLock { $0.isDone } }

    /// Unpacks a piece and gives what it unfolds to, at most `pieceBytes` at a time.
    /// - Returns: the bytes that it took; fewer than given only when the stream has ended.
    func take(
        _ bytes: UnsafeRawBufferPointer, _ give: (UnsafeRawBufferPointer) throws(StatementError) -> Void
    ) throws(StatementError) -> Int {
        try state.withLock { state throws(StatementError) in try Self.take(bytes, &state, give) }
    }

    private static func take(
        _ bytes: UnsafeRawBufferPointer, _ state: inout State,
        _ give: (UnsafeRawBufferPointer) throws(StatementError) -> Void
    ) throws(StatementError) -> Int {
        guard state.isReady else { throw Self.damaged }
        guard let base = bytes.baseAddress, !bytes.isEmpty, !state.isDone else { return 0 }
        let stream = state.stream
        // zlib does not write to what it reads; its header is older than `const`.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: base.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(bytes.count)
        let out = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceBytes, alignment: 1)
        defer { out.deallocate() }
        repeat {
            stream.pointee.next_out = out.baseAddress?.assumingMemoryBound(to: UInt8.self)
            stream.pointee.avail_out = UInt32(Self.pieceBytes)
            let code = inflate(stream, Z_NO_FLUSH)
            guard code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR else { throw Self.damaged }
            state.isDone = code == Z_STREAM_END
            let made = Self.pieceBytes - Int(stream.pointee.avail_out)
            if made > 0 { try give(UnsafeRawBufferPointer(rebasing: out[0..<made])) }
        } while !state.isDone && stream.pointee.avail_out == 0
        return bytes.count - Int(stream.pointee.avail_in)
    }

    static let damaged = StatementError(.archive, "The zip is damaged. Export or copy it again.")
}
