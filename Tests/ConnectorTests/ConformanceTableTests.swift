import Connectors
import Domain
import Storage
import TestKit
import Testing

/// Every connector against every rule, on both databases, in one table.
@Suite(.timeLimit(.minutes(30)))
struct ConformanceTableTests {
    @Test("every connector keeps every rule, on both databases")
    func table() async throws {
        for dialect in [Dialect.sqlite, .postgres] {
            let columns: [(name: String, results: [ConnectorConformance.Result])] = [
                ("sandbox", try await on(dialect) { try await SandboxConformanceTests().results($0) }),
                ("file", try await on(dialect) { try await FileConformanceTests().results($0) }),
                // These keep nothing in the database.
                ("mono", await MonoTests().results()), ("exec", try await ExecConformanceTests.results()),
                ("template", await TemplateConformanceTests.conformance().results()),
            ]
            print(Self.text(columns, dialect))
            for column in columns {
                #expect(column.results.map(\.rule) == ConnectorConformance.rules)
                for result in column.results {
                    #expect(result.isKept, "\(column.name) \(result.rule): \(result.findings ?? ["not tried"])")
                }
            }
        }
    }

    private func on(
        _ dialect: Dialect, _ body: (Database) async throws -> [ConnectorConformance.Result]
    ) async throws -> [ConnectorConformance.Result] {
        var results: [ConnectorConformance.Result] = []
        try await onDatabase(dialect) { results = try await body($0.database) }
        return results
    }

    private static func text(
        _ columns: [(name: String, results: [ConnectorConformance.Result])], _ dialect: Dialect
    ) -> String {
        let width = (ConnectorConformance.rules.map(\.count).max() ?? 0) + 2
        func cell(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(1, width - text.count))
        }
        var lines = ["", cell("conformance on \(dialect)", width) + columns.map { cell($0.name, 10) }.joined()]
        for (place, rule) in ConnectorConformance.rules.enumerated() {
            let cells = columns.map { column -> String in
                guard let findings = column.results[place].findings else { return "not tried" }
                return findings.isEmpty ? "ok" : "\(findings.count) WRONG"
            }
            lines.append(cell(rule, width) + cells.map { cell($0, 10) }.joined())
        }
        return lines.joined(separator: "\n")
    }
}
