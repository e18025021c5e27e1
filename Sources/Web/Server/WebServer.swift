import ServiceLifecycle

/// A server with the work of its requests, as one service: both learn of a graceful shutdown at the same moment. As two
/// they would wait for each other, the server for a request that waits for events, and that request to be told.
public struct WebServer: Service {
    private let background: BackgroundWork
    private let server: any Service

    public init(_ background: BackgroundWork, _ server: any Service) {
        self.background = background
        self.server = server
    }

    /// - Throws: what the server throws, such as that its port is taken.
    public func run() async throws {
        try await background.run { try await server.run() }
    }
}
