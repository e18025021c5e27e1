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

    static let pieceBytes = 64 << 10
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

    /// Unpacks the beginning of a piece and gives what it unfolds to, at most `pieceBytes` at a time.
    /// - Returns: the bytes that it took; at most `pieceBytes`, and none once the stream has ended.
    func take(
        _ bytes: UnsafeRawBufferPointer, _ give: (UnsafeRawBufferPointer) throws(StatementError) -> Void
    ) throws(StatementError) -> Int {
        let packed = Array(bytes.prefix(Self.pieceBytes))
        var taken = 0
        while true {
            let from = taken
            guard let step = state.withLock({ Self.step(&$0, packed, from) }) else { throw Self.damaged }
            taken += step.taken
            try step.made.asPiece(give)
            if step.isDone || step.made.count < Self.pieceBytes { return taken }
        }
    }

    private struct Step: Sendable {
        let made: [UInt8]
        let taken: Int
        let isDone: Bool
    }

    /// nil when the bytes are no deflated data.
    private static func step(_ state: inout State, _ packed: [UInt8], _ from: Int) -> Step? {
        guard state.isReady else { return nil }
        guard !state.isDone else { return Step(made: [], taken: 0, isDone: true) }
        var packed = packed
        var code = Z_OK
        let stream = state.stream
        let made = [UInt8](unsafeUninitializedCapacity: pieceBytes) { out, count in
            packed.withUnsafeMutableBufferPointer { packed in
                stream.pointee.next_in = packed.baseAddress.map { $0 + from }
                stream.pointee.avail_in = UInt32(packed.count - from)
                stream.pointee.next_out = out.baseAddress
                stream.pointee.avail_out = UInt32(pieceBytes)
                code = inflate(stream, Z_NO_FLUSH)
                count = pieceBytes - Int(stream.pointee.avail_out)
            }
        }
        guard code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR else { return nil }
        state.isDone = code == Z_STREAM_END
        let taken = packed.count - from - Int(stream.pointee.avail_in)
        return Step(made: made, taken: taken, isDone: state.isDone)
    }

    static let damaged = StatementError(.archive, "The zip is damaged. Export or copy it again.")
}
