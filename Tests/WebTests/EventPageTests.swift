import Domain
import Engine
import Foundation
import Testing

/// docs/events.md and the table of docs/concepts/webhooks.md are what the catalogue says. GOLDEN=record writes them.
@Suite("The pages of events")
struct EventPageTests {
    private static let docs = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs")
    private static let isRecording = ProcessInfo.processInfo.environment["GOLDEN"] == "record"

    @Test("docs/events.md is what the catalogue says of its events")
    func events() throws {
        let file = Self.docs.appending(path: "events.md")
        if Self.isRecording { return try Data(Self.page.utf8).write(to: file) }
        #expect(try String(contentsOf: file, encoding: .utf8) == Self.page, "run this test with GOLDEN=record")
    }

    @Test("every member of an event says what it is")
    func described() {
        for type in EventCatalog.all {
            let silent = type.data.filter { $0.about.isEmpty }.map(\.name)
            #expect(silent.isEmpty, "\(type.name): \(silent)")
        }
    }

    @Test("the table of events in docs/concepts/webhooks.md is the catalogue")
    func table() throws {
        let file = Self.docs.appending(path: "concepts/webhooks.md")
        let text = try String(contentsOf: file, encoding: .utf8)
        let start = try #require(text.range(of: "<!-- events -->\n"))
        let end = try #require(text.range(of: "\n<!-- /events -->"))
        if Self.isRecording {
            let written = text[..<start.upperBound] + Self.table("../events.md") + text[end.lowerBound...]
            return try Data(written.utf8).write(to: file)
        }
        #expect(
            start.upperBound <= end.lowerBound
                && text[start.upperBound..<end.lowerBound] == Self.table("../events.md"),
            "run this test with GOLDEN=record")
    }

    // MARK: rendering

    private static func table(_ page: String) -> String {
        let rows = EventCatalog.all.map { type in
            let note = type.isPlanned ? " *Planned: nothing fires it yet.*" : ""
            return "| [`\(type.name)`](\(page)#\(anchor(type.name))) | \(type.meaning)\(note) |"
        }
        return (["| event | tells |", "|---|---|"] + rows).joined(separator: "\n")
    }

    private static func anchor(_ name: String) -> String { name.replacing(".", with: "") }

    private static var page: String {
        let head = """
            # The events

            Every event there is, as [`GET /api/v1/event_types`](api/event-types.md) tells of it too, with the JSON
            Schemas of its whole bodies. How they are sent is in [webhooks](concepts/webhooks.md), how they are pulled
            in [events](api/events.md).

            `data` of an event of a record begins with `record` and `customer`, and with `refresh` where a run brought
            it. `data.query` is the call that gets exactly what has changed: `method`, `path`, `body`, and of what the
            reply shows the `ids`, their `count`, and the days `from` and `to` that were looked at; the examples leave
            it out. They are complete where the event has a complete body.

            This page is written by a test from the catalogue.
            """
        return ([head] + EventCatalog.all.map(section)).joined(separator: "\n\n") + "\n"
    }

    private static func section(_ type: EventType) -> String {
        var parts = ["## `\(type.name)`", type.meaning]
        if type.isPlanned { parts.append("Planned: nothing fires it yet, and `kubewa trigger` refuses it.") }
        var facts = [
            "- of \(type.source == .record ? "a record" : "the environment"), "
                + "status `\(type.isError ? "is_error" : "is_success")`",
            "- Okra's method \(list(type.okra.methods)), code \(list(type.okra.codes))",
            "- leads to `\(type.leadsTo.method) \(type.leadsTo.template)`",
        ]
        if type.isRefresh { facts.append("- also to `refresh.webhook_url`") }
        if type.resource != nil { facts.append("- complete bodies have `data.resource`") }
        parts.append(facts.joined(separator: "\n"))
        if !type.data.isEmpty {
            let rows = type.data.map { member in
                let mark = member.isOptional ? " (may be left out)" : ""
                return "| `\(member.name)`\(mark) | \(member.about)\(choices(member)) |"
            }
            parts.append((["| member of `data` | |", "|---|---|"] + rows).joined(separator: "\n"))
        }
        parts.append("```json\n\(example(type))\n```")
        return parts.joined(separator: "\n\n")
    }

    private static func choices(_ member: EventMember) -> String {
        switch member.choices.count {
        case 0: ""
        case 1: " `\(member.choices[0])`."
        default: " One of \(list(member.choices))."
        }
    }

    private static func list(_ names: [String]) -> String { names.map { "`\($0)`" }.joined(separator: ", ") }

    /// The native members of the example, complete where there is a complete body.
    private static func example(_ type: EventType) -> String {
        let body = try? JSONValue(parsing: EventExamples.body(of: type, isComplete: type.hasComplete))
        let data = (body?["data"]?.members ?? [:]).filter { $0.key != "query" }
        return """
            {"event": "\(type.name)", "event_id": "\(EventID.text(EventExample.event))", "sequence": 3, "epoch": 1,
             "data": \(pretty(.object(data), indent: " "))}
            """
    }

    /// Objects a member a line where they do not fit into one.
    private static func pretty(_ value: JSONValue, indent: String) -> String {
        let flat = value.encoded
        guard flat.count + indent.count > 90 else { return flat }
        let inner = indent + " "
        if let members = value.members {
            let lines = members.sorted { $0.key < $1.key }.map {
                "\(JSONValue.string($0.key).encoded): \(pretty($0.value, indent: inner))"
            }
            return "{\(lines.joined(separator: ",\n" + inner))}"
        }
        guard let elements = value.elements else { return flat }
        return "[\(elements.map { pretty($0, indent: inner) }.joined(separator: ",\n" + inner))]"
    }
}
