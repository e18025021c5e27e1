import NIOCore

/// Reads one HTTP/1.1 reply as far as a webhook needs it: status, `Retry-After`, the first bytes of the body,
/// and whether the connection may be used again.
///
/// It is strict about what would let two replies on one connection be confused: in doubt the connection is
/// not used again. It keeps no other header, so a reply costs no allocation for them.
struct ResponseParser {
    enum Progress: Equatable {
        case more
        case complete
        /// The head is larger than the cap.
        case tooLarge
        case malformed
    }

    private enum State {
        case statusLine, headers
        case body(Int)
        case untilClose
        case chunkSize
        case chunk(Int)
        case chunkEnd, trailers
        case done
    }

    private let headBytesMax: Int
    private let bodyBytesMax: Int
    private var state = State.statusLine
    private var line: [UInt8] = []
    private var lineBytes = 0
    private var candidate = 0
    private var contentLength: Int?
    private var isChunked = false
    private var isUntilClose = false

    /// Set once the whole head of the final reply is read.
    private(set) var status: Int?
    private(set) var body: [UInt8] = []
    private(set) var retryAfter: String?
    private(set) var isReusable = true

    init(headBytesMax: Int, bodyBytesMax: Int) {
        self.headBytesMax = headBytesMax
        self.bodyBytesMax = bodyBytesMax
    }

    mutating func feed(_ bytes: inout ByteBuffer) -> Progress {
        while true {
            let progress = step(&bytes)
            if progress == .complete, bytes.readableBytes > 0 { isReusable = false }
            if progress != .more || bytes.readableBytes == 0 { return progress }
        }
    }

    /// The other side has closed.
    mutating func finish() -> Progress {
        isReusable = false
        if case .untilClose = state { return .complete }
        return .malformed
    }

    private mutating func step(_ bytes: inout ByteBuffer) -> Progress {
        switch state {
        case .done: return .complete
        case .body(let rest):
            let taken = keep(&bytes, atMost: rest)
            state = .body(rest - taken)
            return rest == taken ? complete() : capped()
        case .untilClose:
            _ = keep(&bytes, atMost: .max)
            return capped()
        case .chunk(let rest):
            let taken = keep(&bytes, atMost: rest)
            state = rest == taken ? .chunkEnd : .chunk(rest - taken)
            return capped()
        case .statusLine, .headers, .chunkSize, .chunkEnd, .trailers:
            let isWhole = takeLine(&bytes)
            if lineBytes > headBytesMax {
                guard status != nil else { return .tooLarge }
                isReusable = false
                return complete()
            }
            guard isWhole else { return .more }
            defer { line.removeAll(keepingCapacity: true) }
            return readLine()
        }
    }

    /// Keeps what fits below the cap and drops nothing else than that: `capped` ends the reply there.
    private mutating func keep(_ bytes: inout ByteBuffer, atMost count: Int) -> Int {
        let taken = min(count, bytes.readableBytes)
        guard let slice = bytes.readSlice(length: taken) else { return 0 }
        body.append(contentsOf: slice.readableBytesView.prefix(bodyBytesMax - body.count))
        return taken
    }

    private mutating func capped() -> Progress {
        guard body.count >= bodyBytesMax else { return .more }
        isReusable = false
        return complete()
    }

    private mutating func complete() -> Progress {
        state = .done
        return .complete
    }

    private mutating func takeLine(_ bytes: inout ByteBuffer) -> Bool {
        let view = bytes.readableBytesView
        let end = view.firstIndex(of: UInt8(ascii: "\n"))
        let piece = view[view.startIndex..<(end ?? view.endIndex)]
        let consumed = piece.count + (end == nil ? 0 : 1)
        lineBytes += consumed
        if lineBytes <= headBytesMax { line.append(contentsOf: piece) }
        bytes.moveReaderIndex(forwardBy: consumed)
        guard end != nil else { return false }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return true
    }

    private mutating func readLine() -> Progress {
        switch state {
        case .statusLine: return readStatus()
        case .headers: return line.isEmpty ? endHead() : readHeader()
        case .chunkSize: return readChunkSize()
        case .chunkEnd:
            state = .chunkSize
            return line.isEmpty ? .more : .malformed
        case .trailers: return line.isEmpty ? complete() : .more
        case .body, .untilClose, .chunk, .done: return .malformed
        }
    }

    private mutating func readStatus() -> Progress {
        guard line.count >= 12, line.starts(with: "HTTP/1.".utf8), line[8] == 32, line.count == 12 || line[12] == 32,
            let code = decimal(line[9..<12]), (100...999).contains(code)
        else { return .malformed }
        if line[7] != UInt8(ascii: "1") { isReusable = false }
        candidate = code
        state = .headers
        return .more
    }

    private mutating func readHeader() -> Progress {
        // A folded line belongs to the header before it; nobody should send one, so trust ends here.
        if line[0] == 32 || line[0] == 9 {
            isReusable = false
            return .more
        }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0 else { return .malformed }
        let name = line[..<colon]
        let value = trimmed(line[(colon + 1)...])
        switch name.count {
        case 10 where isSame(name, "connection"):
            if contains(value, "close") { isReusable = false }
        case 11 where isSame(name, "retry-after"):
            retryAfter = String(decoding: value.prefix(64), as: UTF8.self)
        case 14 where isSame(name, "content-length"):
            guard let length = decimal(value), contentLength == nil || contentLength == length else {
                return .malformed
            }
            contentLength = length
        case 17 where isSame(name, "transfer-encoding"):
            guard !isChunked, !isUntilClose else { return .malformed }
            isChunked = isSame(value, "chunked")
            isUntilClose = !isChunked
        default: break
        }
        return .more
    }

    private mutating func endHead() -> Progress {
        if (100..<200).contains(candidate), candidate != 101 {
            state = .statusLine
            contentLength = nil
            retryAfter = nil
            isChunked = false
            isUntilClose = false
            return .more
        }
        status = candidate
        lineBytes = 0
        if candidate == 101 { isReusable = false }
        if candidate == 101 || candidate == 204 || candidate == 304 { return complete() }
        if isChunked {
            if contentLength != nil { isReusable = false }
            state = .chunkSize
        } else if let contentLength, !isUntilClose {
            if contentLength == 0 { return complete() }
            state = .body(contentLength)
        } else {
            isReusable = false
            state = .untilClose
        }
        return .more
    }

    private mutating func readChunkSize() -> Progress {
        let digits = trimmed(line.prefix { $0 != UInt8(ascii: ";") })
        guard (1...15).contains(digits.count) else { return .malformed }
        var size = 0
        for byte in digits {
            guard let digit = hexDigit(byte) else { return .malformed }
            size = size << 4 | digit
        }
        state = size == 0 ? .trailers : .chunk(size)
        return .more
    }

    private func decimal(_ digits: ArraySlice<UInt8>) -> Int? {
        guard (1...15).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - 48) }
    }

    private func hexDigit(_ byte: UInt8) -> Int? {
        switch byte {
        case 48...57: Int(byte) - 48
        case 65...70: Int(byte) - 55
        case 97...102: Int(byte) - 87
        default: nil
        }
    }

    private func trimmed(_ slice: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var slice = slice
        while slice.first == 32 || slice.first == 9 { slice.removeFirst() }
        while slice.last == 32 || slice.last == 9 { slice.removeLast() }
        return slice
    }

    /// Equal but for the case of ASCII letters; `name` is in lower case.
    private func isSame(_ bytes: ArraySlice<UInt8>, _ name: StaticString) -> Bool {
        guard bytes.count == name.utf8CodeUnitCount else { return false }
        let wanted = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        return zip(bytes, wanted).allSatisfy { lower($0) == $1 }
    }

    private func contains(_ value: ArraySlice<UInt8>, _ token: StaticString) -> Bool {
        value.split(separator: UInt8(ascii: ",")).contains { isSame(trimmed($0), token) }
    }

    private func lower(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte | 32 : byte }
}
