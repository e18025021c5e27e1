import Domain
import NIOCore
import TestKit
import Testing

@testable import Outbound

struct ResponseParserTests {
    private struct Reading: Equatable {
        var progress: ResponseParser.Progress
        var status: Int?
        var body: String
        var isReusable: Bool
    }

    /// Feeds the text in pieces of `step` bytes; "EOF" is what closing then makes of it.
    private func read(_ text: String, step: Int, head: Int = 1024, body: Int = 64) -> Reading {
        var parser = ResponseParser(headBytesMax: head, bodyBytesMax: body)
        var progress = ResponseParser.Progress.more
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: step) where progress == .more {
            var piece = ByteBuffer(bytes: bytes[start..<min(start + step, bytes.count)])
            progress = parser.feed(&piece)
        }
        if progress == .more { progress = parser.finish() }
        return Reading(
            progress: progress, status: parser.status, body: String(decoding: parser.body, as: UTF8.self),
            isReusable: parser.isReusable)
    }

    private static let ok = "HTTP/1.1 200 OK\r\n"

    /// Text, then progress, status, body and whether the connection may be kept.
    private static let table: [(String, ResponseParser.Progress, Int?, String, Bool)] = [
        (ok + "Content-Length: 3\r\n\r\nabc", .complete, 200, "abc", true),
        (ok + "content-length:3 \r\n\r\nabc", .complete, 200, "abc", true),
        ("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", .complete, 200, "", true),
        ("HTTP/1.1 200 OK\nContent-Length: 1\n\nx", .complete, 200, "x", true),
        ("HTTP/1.1 204 No Content\r\n\r\n", .complete, 204, "", true),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", .complete, 304, "", true),
        ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", .complete, 200, "x", false),
        (ok + "Connection: foo, Close\r\nContent-Length: 1\r\n\r\nx", .complete, 200, "x", false),
        (ok + "\r\nuntil the end", .complete, 200, "until the end", false),
        (ok + "Transfer-Encoding: gzip, chunked\r\n\r\nraw", .complete, 200, "raw", false),
        (
            ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: 1\r\n\r\n", .complete,
            200,
            "abc0123456789", true
        ),
        (ok + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", .complete, 200, "", false),
        (ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", .malformed, 200, "abc", true),
        (ok + "Transfer-Encoding: chunked\r\n\r\n-3\r\nabc", .malformed, 200, "", true),
        (ok + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", .malformed, 200, "", true),
        (ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nabc", .malformed, 200, "abc", false),
        (ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", .malformed, nil, "", true),
        (ok + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", .complete, 200, "abc", true),
        (ok + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", .malformed, nil, "", true),
        (ok + "Content-Length: +3\r\n\r\nabc", .malformed, nil, "", true),
        (ok + "Content-Length: 99999999999999999999\r\n\r\n", .malformed, nil, "", true),
        (ok + "Content-Length: 3\r\n\r\nab", .malformed, 200, "ab", false),
        (ok + "no colon\r\n\r\n", .malformed, nil, "", true),
        (ok + ": empty\r\n\r\n", .malformed, nil, "", true),
        (ok + "X: a\r\n folded\r\nContent-Length: 0\r\n\r\n", .complete, 200, "", false),
        ("HTTP/1.1 100 Continue\r\n\r\n" + ok + "Content-Length: 0\r\n\r\n", .complete, 200, "", true),
        (
            "HTTP/1.1 103 Hints\r\nContent-Length: 9\r\n\r\n" + ok + "Content-Length: 0\r\n\r\n", .complete, 200, "",
            true
        ),
        ("HTTP/1.1 101 Switching\r\n\r\n", .complete, 101, "", false),
        ("HTTP/2 200\r\n\r\n", .malformed, nil, "", true),
        ("HTTP/1.1 2000\r\n\r\n", .malformed, nil, "", true),
        ("HTTP/1.1 -20 OK\r\n\r\n", .malformed, nil, "", true),
        ("garbage\r\n\r\n", .malformed, nil, "", true),
        ("", .malformed, nil, "", false),
        ("HTTP/1.1 200 OK\r\nContent-Le", .malformed, nil, "", false),
    ]

    @Test("replies are read alike however the network cuts them", arguments: table.indices)
    func cuts(row: Int) {
        let (text, progress, status, body, isReusable) = ResponseParserTests.table[row]
        let expected = Reading(progress: progress, status: status, body: body, isReusable: isReusable)
        for step in [1, 2, 3, 7, 16, 1000] {
            #expect(read(text, step: step) == expected, "in pieces of \(step)")
        }
    }

    @Test("the head cap holds for one long line and for many short ones, and for interim replies together")
    func headCap() {
        let ok = ResponseParserTests.ok
        for step in [1, 50, 5000] {
            #expect(read(ok + "X: " + String(repeating: "a", count: 2000), step: step).progress == .tooLarge)
            #expect(read(ok + String(repeating: "X: a\r\n", count: 300), step: step).progress == .tooLarge)
            #expect(read(String(repeating: "HTTP/1.1 100 C\r\n\r\n", count: 100), step: step).progress == .tooLarge)
        }
        let exact = ok + "X: " + String(repeating: "a", count: 64 - 17 - 3 - 2 - 2) + "\r\n\r\n"
        #expect(read(exact, step: 1, head: 64).status == 200)
        #expect(read(exact, step: 1, head: 63).progress == .tooLarge)
    }

    @Test("the body cap keeps the first bytes and ends the reply")
    func bodyCap() {
        let long = String(repeating: "0123456789", count: 100)
        for step in [1, 13, 5000] {
            for text in ["Content-Length: 1000\r\n\r\n" + long, "\r\n" + long] {
                let reading = read(ResponseParserTests.ok + text, step: step)
                #expect(reading.progress == .complete)
                #expect(reading.body == String(long.prefix(64)))
                // A body that was read over to its end leaves the connection in order, kept or not.
                #expect(reading.isReusable == (step > long.count && text.hasPrefix("Content-Length")))
            }
        }
    }

    @Test("chunk extensions and trailers without end are cut off, with the status kept")
    func chunkOverhead() {
        let head = ResponseParserTests.ok + "Transfer-Encoding: chunked\r\n\r\n"
        for tail in [
            "1;" + String(repeating: "x", count: 2000), "0\r\n" + String(repeating: "T: 1\r\n", count: 400),
            String(repeating: "1;" + String(repeating: "x", count: 100) + "\r\na\r\n", count: 20),
        ] {
            for step in [1, 64, 5000] {
                let reading = read(head + tail, step: step)
                #expect(reading.progress == .complete)
                #expect(reading.status == 200)
                #expect(!reading.isReusable)
            }
        }
    }

    @Test(
        "Retry-After forms",
        arguments: [
            ("0", 0), ("120", 120), ("99999999999999999999", 30 * 86_400), ("Sun, 06 Nov 1994 08:49:37 GMT", 37),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 37), ("Sun Nov  6 08:49:37 1994", 37),
            ("Sun, 06 Nov 1994 08:48:00 GMT", 0), ("Mon, 06 Nov 2034 08:48:00 GMT", 30 * 86_400),
            ("", nil), ("-1", nil), ("1.5", nil), ("tomorrow", nil), ("Sun, 31 Feb 1994 08:49:37 GMT", nil),
            ("Sun, 06 Nov 1994 25:49:37 GMT", nil), ("Sun, 06 Nov 1994 08:49 GMT", nil),
        ])
    func retryAfter(text: String, seconds: Int?) throws {
        let now = try #require(Instant(iso: "1994-11-06T08:49:00.000Z"))
        #expect(RetryAfter.seconds(text, now: now) == seconds)
    }
}
