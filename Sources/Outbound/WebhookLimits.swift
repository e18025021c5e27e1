import NIOCore

/// The bounds of one webhook exchange and of the connections that are kept.
public struct WebhookLimits: Sendable {
    public var connect = TimeAmount.seconds(5)
    /// From the call to the last byte that is read, looking up the name included.
    public var exchange = TimeAmount.seconds(15)
    public var headBytesMax = 32 * 1024
    public var bodyBytesMax = 16 * 1024
    /// An answer of the resolver is used this long.
    public var resolvedMsMax: Int64 = 30_000
    public var resolvedHostsMax = 4096
    /// More addresses than this of one host are not tried.
    public var addressesTriedMax = 3
    /// On each event loop.
    public var idlePerKeyMax = 512
    public var idleTotalMax = 1024
    public var idle = TimeAmount.seconds(20)
    /// A PEM file of authorities that are trusted beside the system's.
    public var extraAuthoritiesFile: String?
    /// All requests go through it; where they go to is vetted all the same.
    public var proxy: WebhookProxy?

    public init() {}
}
