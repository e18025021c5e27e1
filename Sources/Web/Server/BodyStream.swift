import Domain
import Hummingbird
import HummingbirdCore
import NIOCore

/// The body of a request as it comes. A sender that stops in the middle loses the connection.
struct BodyStream: Sendable {
    /// An upload that takes longer is answered with 503.
    static let secondsMax: Int64 = 900

    private let body: RequestBody
    private let background: BackgroundWork
    private let idleSeconds: Int64
    private let close: @Sendable () -> Void

    init(
        _ body: RequestBody, background: BackgroundWork, idleSeconds: Int64, close: @escaping @Sendable () -> Void
    ) {
        self.body = body
        self.background = background
        self.idleSeconds = idleSeconds
        self.close = close
    }

    /// Its pieces, in order; to be asked for once.
    var pieces: Pieces { Pieces(stream: self) }

    struct Pieces: AsyncSequence {
        typealias Element = [UInt8]
        typealias Failure = any Error
        let stream: BodyStream

        func makeAsyncIterator() -> Iterator { Iterator(stream: stream, inner: stream.body.makeAsyncIterator()) }
    }

    struct Iterator: AsyncIteratorProtocol {
        let stream: BodyStream
        var inner: RequestBody.AsyncIterator

        mutating func next() async throws -> [UInt8]? {
            let watch = stream.background.watch(seconds: stream.idleSeconds, stream.close)
            defer { stream.background.unwatch(watch) }
            do {
                return try await inner.next().map { Array($0.readableBytesView) }
            } catch {
                throw DomainError(.invalidField, "The file did not come whole. Send it again.", field: "file")
            }
        }
    }
}
