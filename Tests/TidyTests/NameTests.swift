import Testing

@Suite("Names and leftovers")
struct NameTests {
    @Test("no file has a name that says nothing")
    func fileNames() {
        let banned: Set<String> = ["utils", "util", "helpers", "helper", "common", "manager", "extensions", "misc"]
        let findings = Repository.shared.swift.filter { file in
            banned.contains(file.name.dropLast(".swift".count).lowercased())
        }.map { Finding(path: $0.path, line: 1, what: "name the file after the noun it holds") }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("nothing is left to be done later")
    func leftovers() {
        // Spelled in two parts, so that this file does not find itself.
        let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X:"]
        let checked = Repository.shared.paths.filter { path in
            [".swift", ".md", ".py", ".h", ".yaml", "Makefile", "Containerfile"].contains { path.hasSuffix($0) }
                || path.hasPrefix("scripts/")
        }
        var findings: [Finding] = []
        for path in checked {
            guard let text = Repository.shared.text(path) else { continue }
            let searchable = SearchableText(Array(text.utf8))
            for mark in marks {
                findings += searchable.lines(containing: mark).map { Finding(path: path, line: $0, what: mark) }
            }
        }
        #expect(findings.isEmpty, "\(report(findings))")
    }
}
