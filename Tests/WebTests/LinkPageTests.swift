import CZlib
import Domain
import Engine
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Storage
import TestKit
import Testing

@testable import Web

@Suite("The link page as it is served")
struct LinkPageTests {
    private struct Served {
        let status: Int
        let headers: HTTPFields
        let bytes: [UInt8]
        var text: String { String(decoding: bytes, as: UTF8.self) }
        var policy: String { headers[.contentSecurityPolicy] ?? "" }
    }

    private func get(
        _ server: Server, _ path: String, method: HTTPRequest.Method = .get, _ headers: HTTPFields = [:]
    ) async throws -> Served {
        let reply = try await server.client.execute(uri: path, method: method, headers: headers, body: nil)
        return Served(status: reply.status.code, headers: reply.headers, bytes: Array(reply.body.readableBytesView))
    }

    private func withServer(_ body: @Sendable @escaping (Server) async throws -> Void) async throws {
        try await onDatabase(.sqlite) { test in
            try await Server.run(on: test.database, linking: false) { try await body($0) }
        }
    }

    @Test("the page names its files by their content, which browsers keep for good")
    func files() async throws {
        try await withServer { server in
            let page = try await get(server, "/")
            #expect(page.status == 200)
            #expect(page.headers[.contentType] == "text/html; charset=utf-8")
            #expect(page.headers[.cacheControl] == "no-cache")
            #expect(!page.text.contains("{{"))
            for (path, type) in [(LinkPage.cssPath, "text/css"), (LinkPage.jsPath, "text/javascript")] {
                #expect(page.text.contains(path))
                let file = try await get(server, path)
                #expect(file.status == 200)
                #expect(file.headers[.contentType]?.hasPrefix(type) == true)
                #expect(file.headers[.cacheControl]?.contains("immutable") == true)
                #expect(file.headers[.xContentTypeOptions] == "nosniff")
            }
            #expect(try await get(server, "/assets/link.0000000000000000.js").status == 404)
        }
    }

    @Test("a page of a customer's loads the loader, at its old path")
    func loader() async throws {
        try await withServer { server in
            let bundle = try await get(server, "/v2/bundle.js")
            #expect(bundle.status == 200)
            #expect(bundle.headers[.contentType]?.hasPrefix("text/javascript") == true)
            #expect(bundle.headers[.accessControlAllowOrigin] == "*")
            #expect(bundle.headers[.resourcePolicy] == "cross-origin")
            #expect(bundle.text == LinkAssets.bundle)
            let head = try await get(server, "/v2/bundle.js", method: .head)
            #expect(head.status == 200)
            #expect(head.bytes.isEmpty)
        }
    }

    @Test("who takes gzip gets it, and what was seen is not sent again")
    func caching() async throws {
        try await withServer { server in
            let plain = try await get(server, LinkPage.jsPath)
            #expect(plain.headers[.contentEncoding] == nil)
            #expect(plain.headers[.vary] == "Accept-Encoding")
            let packed = try await get(server, LinkPage.jsPath, [.acceptEncoding: "gzip, deflate, br"])
            #expect(packed.headers[.contentEncoding] == "gzip")
            #expect(try unpacked(packed.bytes) == plain.bytes)
            let tag = try #require(plain.headers[.eTag])
            let known = try await get(server, "/", [.ifNoneMatch: try #require(get(server, "/").headers[.eTag])])
            #expect(known.status == 304)
            #expect(known.bytes.isEmpty)
            #expect(known.policy.contains("frame-ancestors"), "a policy that changed reaches who kept the page")
            #expect(try await get(server, LinkPage.jsPath, [.ifNoneMatch: "\"other\""]).headers[.eTag] == tag)
        }
    }

    @Test(
        "gzip is sent only to who takes it",
        arguments: [
            ("gzip", true), ("GZIP;q=0.5", true), ("br, *", true), ("*;q=0", false), ("gzip;q=0", false),
            ("gzip;q=0.0, *", false), ("br", false), ("", false),
        ])
    func accepts(_ field: String, _ isAccepted: Bool) {
        #expect(Gzip.isAccepted([.acceptEncoding: field]) == isAccepted)
    }

    @Test("bytes come back from gzip as they were", arguments: [0, 1, 100, 70_000])
    func roundTrip(_ count: Int) throws {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        #expect(try unpacked(try #require(Gzip.compress(bytes))) == bytes)
    }

    @Test("nothing runs on the page but its own file, and nothing of its address goes elsewhere")
    func policy() async throws {
        try await withServer { server in
            let page = try await get(server, "/")
            for part in [
                "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'",
                "form-action 'none'", "frame-ancestors *",
            ] {
                #expect(page.policy.contains(part), "\(page.policy)")
            }
            #expect(!page.policy.contains("unsafe"))
            #expect(page.headers[.referrerPolicy] == "no-referrer")
            #expect(page.headers[.permissionsPolicy]?.contains("camera=()") == true)
        }
    }

    @Test("production's page stands only on the hosts of its apps")
    func ancestors() async throws {
        try await withServer { server in
            let environment = server.world.environment(.production)
            let path = "/?isIframe=true&key=\(server.world.keys(.production).publicKey)"
            #expect(try await get(server, path).policy.hasSuffix("frame-ancestors 'none'"))
            let sandbox = "/?key=\(server.world.keys().publicKey)"
            #expect(try await get(server, sandbox).policy.hasSuffix("frame-ancestors *"))
            #expect(try await get(server, "/?key=nobody").policy.hasSuffix("frame-ancestors *"))
            var app = try #require(try await server.world.services.tenants.apps(environment).first)
            app.allowedHosts = ["shop.example", "evil.example; script-src *", "b.example"]
            try await server.world.services.tenants.update(app, in: environment)
            let policy = try await get(server, path).policy
            #expect(policy.hasSuffix("frame-ancestors https://b.example:* https://shop.example:*"), "\(policy)")
            let link = try await server.world.services.shortLinks.create(NewWidgetLink(name: "x"), in: environment)
            #expect(try await get(server, "/\(link.slug)").policy == policy)
        }
    }

    @Test("a short link is the page; other words of one segment are nothing")
    func shortLinks() async throws {
        try await withServer { server in
            let link = try await server.world.services.shortLinks.create(
                NewWidgetLink(name: "x"), in: server.world.environment())
            let page = try await get(server, "/\(link.slug)?&isIframe=true&source=integration&hideCardOnExit=true")
            #expect(page.status == 200)
            #expect(page.text == (try await get(server, "/")).text)
            let unknown = try await get(server, "/abcdefghijklmnop")
            #expect(unknown.status == 404)
            #expect(unknown.text == page.text, "the page tells what is wrong")
            for path in ["/short", "/favicon.ico", "/dashboard", "/apple-touch-icon", "/abcdefghij%00"] {
                let other = try await get(server, path)
                #expect(other.status == 404, "\(path)")
                #expect(other.text.contains("no_route"), "\(path)")
            }
            #expect(try await get(server, "/health").text.contains("ok"))
            #expect(try await get(server, "/abcdefghijklmnop", method: .post).status == 405)
        }
    }

    private struct NotGzip: Error {}

    private func unpacked(_ bytes: [UInt8]) throws -> [UInt8] {
        var stream = z_stream()
        guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw NotGzip()
        }
        defer { inflateEnd(&stream) }
        var source = bytes
        var out = [UInt8](repeating: 0, count: 1 << 20)
        let result = source.withUnsafeMutableBufferPointer { source in
            out.withUnsafeMutableBufferPointer { out in
                stream.next_in = source.baseAddress
                stream.avail_in = UInt32(source.count)
                stream.next_out = out.baseAddress
                stream.avail_out = UInt32(out.count)
                return inflate(&stream, Z_FINISH)
            }
        }
        guard result == Z_STREAM_END else { throw NotGzip() }
        return Array(out.prefix(Int(stream.total_out)))
    }
}
