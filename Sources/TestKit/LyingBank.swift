import Domain
import NIOPosix
import Outbound
import Synchronization

/// A bank that lies on a real socket: requests that a test picks go to a server that answers byte by byte as it is
/// told, through the client that reaches real banks; all others go to the honest bank.
public final class LyingBank: Sendable {
    /// Whole exchanges with the liar end after this, so that a drip does not hold a test up.
    private static let timeoutSeconds = 1
    private static let header = "X-Lie"

    private struct State {
        var lie: (@Sendable (HTTPRequestData) -> SinkReply?)?
        var replies: [String: SinkReply] = [:]
        var told = 0
    }
    private let state = Mutex(State())
    private let sink = Mutex<WebhookSink?>(nil)
    private let client = BankHTTPClient(group: MultiThreadedEventLoopGroup.singleton)

    private init() {}

    /// Starts it; it is honest until `tell` is called.
    public static func start() async throws -> LyingBank {
        let bank = LyingBank()
        let sink = try await WebhookSink.start { request in
            bank.state.withLock { $0.replies.removeValue(forKey: request.header(header) ?? "") } ?? .silence
        }
        bank.sink.withLock { $0 = sink }
        return bank
    }

    /// Ends its sockets.
    public func stop() async {
        await client.shutdown()
        await sink.withLock { $0 }?.stop()
    }

    /// - Parameter lie: the answer to a request; nil sends it to the honest bank. nil itself ends the lying.
    public func tell(_ lie: (@Sendable (HTTPRequestData) -> SinkReply?)?) { state.withLock { $0.lie = lie } }

    /// How many lies were told.
    public var told: Int { state.withLock { $0.told } }

    /// Stands before the honest bank.
    public func over(_ honest: any HTTPTransport) -> any HTTPTransport { Transport(bank: self, honest: honest) }

    private struct Transport: HTTPTransport {
        let bank: LyingBank
        let honest: any HTTPTransport

        func send(_ request: HTTPRequestData) async throws(HTTPTransportError) -> HTTPReplyData {
            guard let reply = bank.state.withLock({ $0.lie })?(request),
                let url = bank.sink.withLock({ $0?.url })
            else { return try await honest.send(request) }
            let number = bank.state.withLock { state in
                state.told += 1
                state.replies[String(state.told)] = reply
                return String(state.told)
            }
            var lied = request
            lied.url = url
            lied.headers.append((name: LyingBank.header, value: number))
            lied.timeoutSeconds = LyingBank.timeoutSeconds
            return try await bank.client.send(lied)
        }
    }
}
