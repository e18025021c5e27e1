import CZlib
import HTTPTypes

/// Compresses what is worth it for clients that take it.
enum Gzip {
    /// Shorter bodies fit one packet as they are.
    static let bytesMin = 1024
    /// A window of 32 KiB, with the header of gzip.
    private static let windowBits: Int32 = 15 + 16
    private static let memoryLevel: Int32 = 8

    /// nil when zlib refuses, which only a lack of memory makes it do; the body is then sent as it is.
    static func compress(_ bytes: [UInt8]) -> [UInt8]? {
        var stream = z_stream()
        guard
            deflateInit2_(
                &stream, Z_BEST_COMPRESSION, Z_DEFLATED, windowBits, memoryLevel, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { return nil }
        defer { deflateEnd(&stream) }
        var source = bytes
        var packed = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))))
        let isWhole = source.withUnsafeMutableBufferPointer { source in
            packed.withUnsafeMutableBufferPointer { packed in
                stream.next_in = source.baseAddress
                stream.avail_in = UInt32(source.count)
                stream.next_out = packed.baseAddress
                stream.avail_out = UInt32(packed.count)
                return deflate(&stream, Z_FINISH) == Z_STREAM_END
            }
        }
        return isWhole ? Array(packed.prefix(Int(stream.total_out))) : nil
    }

    /// Whether a client takes gzip, as its `Accept-Encoding` says.
    static func isAccepted(_ headers: HTTPFields) -> Bool {
        guard let field = headers[.acceptEncoding]?.lowercased() else { return false }
        var isAny = false
        for part in field.split(separator: ",") {
            let words = part.split(separator: ";").map { $0.filter { !$0.isWhitespace } }
            guard let name = words.first else { continue }
            let isRefused = words.dropFirst().contains { $0.hasPrefix("q=0") && Double($0.dropFirst(2)) == 0 }
            if name == "gzip" { return !isRefused }
            if name == "*" { isAny = !isRefused }
        }
        return isAny
    }
}
