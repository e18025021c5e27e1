import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTPTypes

/// Answers for a handler that is past the deadline: on its connection, which ends with that, while the handler goes on.
///
/// So a deadline costs a request two entries in the list of deadlines, and no task of its own.
enum LateReply {
    static func send(_ reply: Reply, requestID: String, on channel: any Channel) {
        var head = reply.response(requestID: requestID).head
        head.headerFields[.connection] = "close"
        head.headerFields[.contentLength] = String(reply.body.readableBytes)
        let parts: [HTTPResponsePart] = [.head(head), .body(reply.body), .end(nil)]
        channel.eventLoop.execute {
            for part in parts { channel.write(part, promise: nil) }
            channel.flush()
            channel.close(promise: nil)
        }
    }
}
