import Hummingbird
import Logging
import NIOCore

/// What a request carries through the server.
public struct WebContext: RequestContext {
    public var coreContext: CoreRequestContextStorage
    /// Closed when a client is too slow to send its body.
    let channel: any Channel

    public init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}
