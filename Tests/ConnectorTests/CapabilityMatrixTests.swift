import Connectors
import Domain
import Foundation
import TestKit
import Testing

/// The table of docs/connectors/README.md is what the connectors say. GOLDEN=record writes it.
struct CapabilityMatrixTests {
    private struct NoTransport: HTTPTransport {
        func send(_ request: HTTPRequestData) async throws(HTTPTransportError) -> HTTPReplyData { throw .cannotConnect }
    }
    private struct NoProgram: BankProgram {
        var greeting: JSONValue? { nil }
        var trouble: ProgramFault? { nil }
        func ask(_ request: ProgramRequest) async throws(ProgramFault) -> [UInt8] { throw .stopped }
        func stop() async {}
    }
    private struct NoBook: StatementBook {
        func preview(upload: String, session: String, environmentID: Int64) async throws -> StatementPreview? { nil }
        func confirm(
            upload: String, session: String, _ choice: StatementChoice, environmentID: Int64
        ) async throws -> StatementConfirmation? { nil }
        func discard(upload: String, session: String, environmentID: Int64) async throws {}
        func isOpen(book: String, environmentID: Int64) async throws -> Bool { false }
        func balance(book: String, account: String, environmentID: Int64) async throws -> FetchedBalance? { nil }
        func page(
            book: String, account: String, window: DayWindow, cursor: String?, environmentID: Int64
        ) async throws -> FetchPage { FetchPage(rows: [], nextCursor: nil) }
        func end(book: String, environmentID: Int64) async throws {}
    }

    private static let connectors: [any Connector] = [
        FileConnector(book: NoBook()), MonoConnector(transport: NoTransport()),
        ExecConnector(
            name: "…", institutions: [], environments: [.production, .sandbox], capabilities: ExecCapabilities(),
            program: NoProgram()),
        SandboxConnector(transport: NoTransport(), baseURL: "http://127.0.0.1:7701", pushSecret: "none"),
    ]

    private static let rows: [(String, @Sendable (ConnectorDescriptor) -> String)] = [
        ("a person comes by", { $0.access.rawValue }),
        ("products", { ProductSet($0.capabilities.products).names.joined(separator: ", ") }),
        ("months of history", { String($0.capabilities.historyMonthsMax) }),
        ("days of one call", { String($0.capabilities.windowDaysMax) }),
        ("rows before they are booked", { yes($0.capabilities.reportsPending) }),
        ("data without the person", { yes($0.capabilities.isUnattended) }),
        ("pushes", { yes($0.capabilities.pushes) }),
        ("income of an account", { yes($0.capabilities.offersIncome) }),
        ("the bank's own statement", { yes($0.capabilities.offersStatement) }),
        (
            "calls of a connection a day",
            { $0.capabilities.budget.isLimited ? $0.capabilities.budget.text : "no limit" }
        ),
        (
            "settings",
            { descriptor in
                let names = descriptor.settings.map { "`\($0.key)`" + ($0.isRequired ? " (needed)" : "") }
                return names.isEmpty
                    ? descriptor.takesOtherSettings ? "its own" : "none" : names.joined(separator: ", ")
            }
        ),
        ("environments", { $0.environments.map(\.rawValue).sorted().joined(separator: ", ") }),
    ]

    private static func yes(_ isSo: Bool) -> String { isSo ? "yes" : "no" }

    private static var table: String {
        let descriptors = connectors.map(\.descriptor)
        var lines = ["| | " + descriptors.map { "`\($0.id)`" }.joined(separator: " | ") + " |"]
        lines.append("|---|" + String(repeating: "---|", count: descriptors.count))
        for (name, value) in rows {
            lines.append("| \(name) | " + descriptors.map(value).joined(separator: " | ") + " |")
        }
        return lines.joined(separator: "\n")
    }

    @Test("the table of connectors in the documentation is what they say of themselves")
    func matrix() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/connectors/README.md")
        let text = try String(contentsOf: file, encoding: .utf8)
        let start = try #require(text.range(of: "<!-- matrix -->\n"))
        let end = try #require(text.range(of: "\n<!-- /matrix -->"))
        let wanted = Self.table
        if ProcessInfo.processInfo.environment["GOLDEN"] == "record" {
            let written = text[..<start.upperBound] + wanted + text[end.lowerBound...]
            try Data(written.utf8).write(to: file)
            return
        }
        #expect(
            start.upperBound <= end.lowerBound && text[start.upperBound..<end.lowerBound] == wanted,
            "run this test with GOLDEN=record")
    }
}
