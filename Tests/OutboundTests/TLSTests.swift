import Domain
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Outbound
import Synchronization
import TestKit
import Testing

/// TLS against certificates that OpenSSL makes for the test.
@Suite(.timeLimit(.minutes(30)))
struct TLSTests {
    private let folder: URL
    private let newKey = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1"

    init() async throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "kubewa-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try await openssl(
            "req -x509 \(newKey) -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=TestAuthority"
        )
        try await openssl(
            "req \(newKey) -nodes -keyout leaf.key -out leaf.csr -subj /CN=leaf")
        try "subjectAltName=DNS:hooks.test\n".write(
            to: folder.appending(path: "names"), atomically: true, encoding: .utf8)
        try await openssl(
            "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.pem -days 2 -extfile names")
    }

    private func openssl(_ arguments: String) async throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments.split(separator: " ").map(String.init)
        process.currentDirectoryURL = folder
        process.standardError = FileHandle.nullDevice
        let status: Int32 = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        #expect(status == 0, "openssl \(arguments)")
    }

    private func path(_ name: String) -> String { folder.appending(path: name).path }

    private func server(_ versionMax: TLSVersion?) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(path("leaf.pem")).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: path("leaf.key"), format: .pem)))
        if versionMax != nil {
            configuration.minimumTLSVersion = .tlsv1
            configuration.maximumTLSVersion = versionMax
        }
        return try NIOSSLContext(configuration: configuration)
    }

    private func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

    private func withTLSSink(
        names: [String: [String]], trusted: Bool = true, versionMax: TLSVersion? = nil,
        _ body: (WebhookSink, Rig, NamesAsked) async throws -> Void
    ) async throws {
        let context = try server(versionMax)
        let asked = NamesAsked()
        let sink = try await WebhookSink.start(
            prepare: { channel in
                let listen = SNIHandler { result in
                    asked.names.withLock { $0.append(result.name) }
                    return channel.eventLoop.makeSucceededVoidFuture()
                }
                try channel.pipeline.syncOperations.addHandlers([
                    ByteToMessageHandler(listen), NIOSSLServerHandler(context: context),
                ])
            }, { _ in .ok })
        let authorities = path("ca.pem")
        let rig = Rig(names: names) { $0.extraAuthoritiesFile = trusted ? authorities : nil }
        try await body(sink, rig, asked)
        await rig.sender.shutdown()
        await sink.stop()
        try FileManager.default.removeItem(at: folder)
    }

    @Test("the right name and a trusted authority: sent, with the name asked for, and the connection kept")
    func rightName() async throws {
        try await withTLSSink(names: ["hooks.test": ["127.0.0.1"]]) { sink, rig, asked in
            #expect(await rig.send("https://hooks.test:\(sink.port)/", "one").status == 200)
            #expect(await rig.send("https://hooks.test:\(sink.port)/", "two").status == 200)
            #expect(sink.requests.map(\.text) == ["one", "two"])
            #expect(sink.connections == 1)
            #expect(asked.names.withLock { $0 } == ["hooks.test"])
        }
    }

    @Test("a certificate for another name is refused before any byte of the request")
    func wrongName() async throws {
        try await withTLSSink(names: ["other.test": ["127.0.0.1"]]) { sink, rig, _ in
            #expect(await rig.send("https://other.test:\(sink.port)/") == WebhookOutcome(status: nil, error: .tlsName))
            #expect(await rig.send("https://127.0.0.1:\(sink.port)/").error == .tlsName)
            #expect(sink.requests.isEmpty)
        }
    }

    @Test("a certificate that has expired is told from others, and nothing is sent")
    func expired() async throws {
        try await openssl(
            "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.pem -days -1 -extfile names")
        try await withTLSSink(names: ["hooks.test": ["127.0.0.1"]]) { sink, rig, _ in
            rig.clock.advance(ms: 20 * 366 * 86_400_000)
            let outcome = await rig.send("https://hooks.test:\(sink.port)/")
            #expect(outcome == WebhookOutcome(status: nil, error: .tlsExpired))
            #expect(sink.requests.isEmpty)
        }
    }

    @Test("a server that speaks TLS 1.1 at most is refused")
    func oldVersion() async throws {
        try await withTLSSink(names: ["hooks.test": ["127.0.0.1"]], versionMax: .tlsv11) { sink, rig, _ in
            #expect(await rig.send("https://hooks.test:\(sink.port)/").error == .tls)
            #expect(sink.requests.isEmpty)
        }
    }

    @Test("an endpoint's own authorities are believed for it alone, on connections of its own")
    func ownAuthorities() async throws {
        try await withTLSSink(names: ["hooks.test": ["127.0.0.1"]], trusted: false) { sink, rig, _ in
            let url = "https://hooks.test:\(sink.port)/"
            let authorities = try text("ca.pem")
            #expect(await rig.send(url, "one", authorities: authorities).status == 200)
            #expect(await rig.send(url, "not this").error == .tls, "a kept connection is not for who did not verify it")
            #expect(await rig.send(url, "two", authorities: authorities).status == 200)
            #expect(await rig.send(url, "nor this").error == .tls)
            #expect(sink.requests.map(\.text) == ["one", "two"])
            #expect(Set(sink.requests.map(\.connection)).count == 1, "its own connection is kept")
        }
    }

    @Test("an endpoint's own authorities take the place of the system's, and must be readable")
    func onlyOwnAuthorities() async throws {
        try await openssl("req -x509 \(newKey) -nodes -keyout other.key -out other.pem -days 2 -subj /CN=Other")
        try await withTLSSink(names: ["hooks.test": ["127.0.0.1"]]) { sink, rig, _ in
            let url = "https://hooks.test:\(sink.port)/"
            let (other, both) = (try text("other.pem"), try text("other.pem") + text("ca.pem"))
            #expect(await rig.send(url, "one").status == 200)
            #expect(await rig.send(url, authorities: other).error == .tls)
            #expect(await rig.send(url, "two", authorities: both).status == 200)
            #expect(await rig.send(url, authorities: "no certificate").error == .tlsAuthorities)
            #expect(sink.requests.map(\.text) == ["one", "two"])
        }
    }

    @Test("through a proxy, TLS is with the receiver: the tunnel leads to the vetted address, the name is proved")
    func proxied() async throws {
        let tunnels = Tunnels(answer: "HTTP/1.1 200 Connection established\r\n\r\n")
        let context = try server(nil)
        let sink = try await WebhookSink.start(
            prepare: { try $0.pipeline.syncOperations.addHandler(tunnels.handler(context)) }, { _ in .ok })
        let proxy = try WebhookProxy("http://127.0.0.1:\(sink.port)")
        let authorities = path("ca.pem")
        let rig = Rig(
            names: ["hooks.test": ["8.8.8.8"], "other.test": ["2606:4700::1"], "in.test": ["10.0.0.1"]],
            allowsLoopback: false
        ) { limits in
            limits.proxy = proxy
            limits.extraAuthoritiesFile = authorities
        }
        #expect(await rig.send("https://hooks.test/x", "one").status == 200)
        #expect(await rig.send("https://hooks.test/x", "two").status == 200)
        #expect(await rig.send("https://other.test:8443/").error == .tlsName)
        #expect(await rig.send("https://in.test/").error == .refusedAddress)
        #expect(sink.requests.map(\.text) == ["one", "two"])
        #expect(sink.requests.map(\.target) == ["/x", "/x"])
        let targets = ["8.8.8.8:443", "[2606:4700:0:0:0:0:0:1]:8443"]
        let heads = targets.map { "CONNECT \($0) HTTP/1.1\r\nHost: \($0)\r\n\r\n" }
        #expect(tunnels.heads.withLock { $0 } == heads)
        await rig.sender.shutdown()
        await sink.stop()
        try FileManager.default.removeItem(at: folder)
    }

    @Test("an unknown authority is refused")
    func unknownAuthority() async throws {
        try await withTLSSink(names: ["hooks.test": ["127.0.0.1"]], trusted: false) { sink, rig, _ in
            #expect(await rig.send("https://hooks.test:\(sink.port)/").error == .tls)
            #expect(sink.requests.isEmpty)
        }
    }

    @Test(
        "a bank's certificate must be of the host that was asked for, by a known authority",
        arguments: [("hooks.test", true), ("other.test", true), ("hooks.test", false)])
    func banks(_ name: String, _ isTrusted: Bool) async throws {
        let isGood = name == "hooks.test" && isTrusted
        try await withTLSSink(names: [:]) { sink, _, asked in
            let client = BankHTTPClient(
                group: MultiThreadedEventLoopGroup.singleton,
                vetting: BankVetting(
                    resolver: ScriptedResolver([name: ["127.0.0.1"]]), runtime: StillClock(), allowsLoopback: true,
                    authorities: isTrusted ? path("ca.pem") : nil))
            let request = HTTPRequestData(method: "GET", url: "https://\(name):\(sink.port)/", timeoutSeconds: 120)
            do throws(HTTPTransportError) {
                let reply = try await client.send(request)
                #expect(isGood && reply.status == 200)
                #expect(asked.names.withLock { $0 } == [name])
            } catch {
                #expect(!isGood && error == .tls)
                #expect(sink.requests.isEmpty)
            }
            await client.shutdown()
        }
    }

    @Test("a plain server and a silent one are no TLS partners")
    func noTLS() async throws {
        let rig = Rig(names: ["hooks.test": ["127.0.0.1"]])
        try await withSink(rig) { _ in
            .ok
        } _: { sink, rig in
            let outcome = await rig.send("https://hooks.test:\(sink.port)/")
            #expect(outcome.error == .tls)
            #expect(sink.requests.isEmpty)
        }
        let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(silent.localAddress?.port)
        let other = Rig(names: ["hooks.test": ["127.0.0.1"]]) { $0.connect = .milliseconds(100) }
        #expect(await other.send("https://hooks.test:\(port)/").error == .connectTimedOut)
        await other.sender.shutdown()
        try await silent.close().get()
    }
}

private final class NamesAsked: Sendable {
    let names = Mutex<[String?]>([])
}

extension SNIResult {
    fileprivate var name: String? { if case .hostname(let name) = self { name } else { nil } }
}
