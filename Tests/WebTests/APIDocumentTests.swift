import Domain
import Engine
import Foundation
import HTTPTypes
import Testing

@testable import Web

@Suite("Documents of the API")
struct APIDocumentTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("docs/api")

    private func pages() throws -> String {
        let files = try FileManager.default.contentsOfDirectory(at: Self.folder, includingPropertiesForKeys: nil)
        return try files.filter { $0.pathExtension == "md" }
            .map { String(decoding: try Data(contentsOf: $0), as: UTF8.self) }.joined(separator: "\n")
    }

    @Test("every operation is told of in docs/api")
    func operations() throws {
        let text = try pages()
        for route in APICatalog.routes {
            let name = route.path.replacing("/v2/sandbox/", with: "").replacing("/v2/", with: "")
            let line =
                route.wire == .okra ? "`\(route.method.rawValue) \(name)`" : "`\(route.method.rawValue) \(route.path)`"
            #expect(text.contains(line), "\(line) is in no page of docs/api")
        }
    }

    @Test("every error code is in errors.md, and no other")
    func errorCodes() throws {
        let page = try String(
            decoding: Data(contentsOf: Self.folder.appendingPathComponent("errors.md")), as: UTF8.self)
        for code in ErrorCode.all {
            let status = ErrorReply.status(code.kind).code
            #expect(page.contains("| `\(code.name)` | \(status) |"), "\(code.name) with \(status)")
        }
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }
        let known = Set(ErrorCode.all.map(\.name))
        for row in rows {
            let name = String(row.dropFirst(3).prefix { $0 != "`" })
            #expect(known.contains(name), "\(name) is no error code")
        }
    }

    @Test("every operation that answers 204 is listed")
    func emptyReplies() throws {
        let page = try String(
            decoding: Data(contentsOf: Self.folder.appendingPathComponent("empty-replies.md")), as: UTF8.self)
        for route in APICatalog.routes where route.method == .delete {
            #expect(page.contains(route.path), "\(route.path)")
        }
    }
}
