import Testing

@Suite("Documents")
struct DocumentTests {
    private let folders = [
        "Sources/", "Tests/", "tests/", "scripts/", "docs/", "Benchmarks/", "Examples/", ".ci/",
    ]

    @Test("every document starts with its one title")
    func titles() {
        var findings: [Finding] = []
        for file in Repository.shared.markdown {
            let prose = proseLines(file)
            let titles = prose.filter { $0.text.hasPrefix("# ") }
            if titles.count != 1 || prose.first(where: { !$0.text.isEmpty })?.number != titles.first?.number {
                let line = titles.dropFirst().first?.number ?? 1
                findings.append(Finding(path: file.path, line: line, what: "one `# Title`, first"))
            }
        }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("every path that a document names exists")
    func paths() {
        var findings: [Finding] = []
        for file in Repository.shared.markdown {
            for line in proseLines(file) {
                for quoted in backticked(line.text) {
                    guard let path = repositoryPath(quoted), !Repository.shared.exists(path) else { continue }
                    findings.append(Finding(path: file.path, line: line.number, what: "`\(path)` does not exist"))
                }
            }
        }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("every link to another document of the repository leads somewhere")
    func links() {
        var findings: [Finding] = []
        for file in Repository.shared.markdown {
            let folder = file.path.split(separator: "/").dropLast().joined(separator: "/")
            for line in proseLines(file) {
                for target in linkTargets(line.text) where !resolves(target, from: folder) {
                    findings.append(Finding(path: file.path, line: line.number, what: "(\(target)) leads nowhere"))
                }
            }
        }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("every option of the server is told in its document")
    func settings() throws {
        let source = try #require(Repository.shared.text("Sources/Kubewa/Settings.swift"))
        let document = try #require(Repository.shared.text("docs/operate/running.md"))
        let declared = source.split(separator: "\n").filter { $0.hasPrefix("    var ") && !$0.contains("{") }
        let options = declared.map { line in
            let name = line.dropFirst("    var ".count).prefix { $0.isLetter }
            // `publicURL` is `--public-url`.
            return name.replacing("URL", with: "Url").reduce(into: "--") { text, letter in
                text += letter.isUppercase ? "-\(letter.lowercased())" : String(letter)
            }
        }
        #expect(options.count >= 15, "\(options)")
        #expect(options.filter { !document.contains("`\($0)`") } == [])
    }

    @Test("every metric is told of in the operator's document")
    func metrics() throws {
        let document = try #require(Repository.shared.text("docs/operate/running.md"))
        let names = Repository.shared.swift(under: "Sources/Web/Server/", "Sources/Kubewa/").flatMap { file in
            (Repository.shared.text(file.path) ?? "").split(separator: "\"").filter { text in
                text.hasPrefix("kubewa_") && text.allSatisfy { $0.isLowercase || $0 == "_" }
            }
        }
        #expect(names.count >= 7, "\(names)")
        #expect(names.filter { !document.contains("`\($0)") } == [])
    }

    @Test("every `make` command that a document names exists")
    func makeTargets() {
        let makefile = Repository.shared.text("Makefile") ?? ""
        let targets = Set(
            makefile.split(separator: "\n").compactMap { line -> String? in
                guard let colon = line.firstIndex(of: ":"), line.first?.isLetter == true else { return nil }
                return String(line[..<colon])
            })
        var findings: [Finding] = []
        for file in Repository.shared.markdown {
            for (index, line) in file.lines.enumerated() {
                for quoted in backticked(line) + [line.trimmingSpaces] where quoted.hasPrefix("make ") {
                    let words = quoted.split(separator: " ")
                    guard words.count == 2, !targets.contains(String(words[1])) else { continue }
                    let what = "`\(quoted)` is not in the Makefile"
                    findings.append(Finding(path: file.path, line: index + 1, what: what))
                }
            }
        }
        #expect(targets.contains("test"))
        #expect(findings.isEmpty, "\(report(findings))")
    }

    /// Lines outside fenced blocks.
    private func proseLines(_ file: TextFile) -> [(number: Int, text: Substring)] {
        var isFenced = false
        var prose: [(number: Int, text: Substring)] = []
        for (index, line) in file.lines.enumerated() {
            if line.trimmingSpaces.hasPrefix("```") {
                isFenced.toggle()
            } else if !isFenced {
                prose.append((index + 1, line))
            }
        }
        return prose
    }

    private func backticked(_ line: Substring) -> [Substring] {
        let pieces = line.split(separator: "`", omittingEmptySubsequences: false)
        return pieces.indices.filter { $0 % 2 == 1 && $0 < pieces.count - 1 }.map { pieces[$0] }
    }

    /// nil for what is not one path: a pattern, a placeholder, a command with arguments.
    private func repositoryPath(_ quoted: Substring) -> String? {
        guard folders.contains(where: { quoted.hasPrefix($0) }) else { return nil }
        guard !quoted.contains(where: { " *<>…{}$|".contains($0) }), !quoted.contains("NNNN") else { return nil }
        return String(quoted.split(separator: ":").first ?? quoted)
    }

    private func linkTargets(_ line: Substring) -> [Substring] {
        var targets: [Substring] = []
        var rest = line
        while let open = rest.range(ofText: "](") {
            rest = rest[open...].dropFirst(2)
            guard let close = rest.firstIndex(of: ")") else { break }
            targets.append(rest[..<close])
        }
        return targets
    }

    private func resolves(_ target: Substring, from folder: String) -> Bool {
        let path = target.split(separator: "#", omittingEmptySubsequences: false).first ?? ""
        if path.isEmpty || path.contains("://") || path.hasPrefix("mailto:") { return true }
        var parts = folder.isEmpty ? [] : folder.split(separator: "/")
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return Repository.shared.exists(parts.joined(separator: "/"))
    }
}

extension Substring {
    fileprivate var trimmingSpaces: Substring { drop { $0 == " " } }

    /// Where `text` starts in this text.
    fileprivate func range(ofText text: String) -> Index? {
        indices.first { self[$0...].hasPrefix(text) }
    }
}
