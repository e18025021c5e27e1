import Testing

/// How long things may get. STYLE.md tells the reasons.
@Suite("Limits of size")
struct LimitTests {
    private let lineCharactersMax = 120
    private let fileLinesMax = 400
    private let testFileLinesMax = 600
    private let functionLinesMax = 60
    private let parametersMax = 6
    private let nestingMax = 4

    @Test("no line is longer than 120 characters")
    func lines() {
        var findings: [Finding] = []
        for file in Repository.shared.swift where !file.isGenerated {
            for (index, line) in file.lines.enumerated() where line.utf8.count > lineCharactersMax {
                // Only a line with many bytes is worth counting characters on.
                guard line.count > lineCharactersMax else { continue }
                findings.append(Finding(path: file.path, line: index + 1, what: "\(line.count) characters"))
            }
        }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("no file is longer than 400 lines, no test file longer than 600")
    func files() {
        let findings = Repository.shared.swift.filter { !$0.isGenerated }.compactMap { file -> Finding? in
            let count = file.lines.count - (file.lines.last == "" ? 1 : 0)
            let limit = file.isTest ? testFileLinesMax : fileLinesMax
            return count > limit ? Finding(path: file.path, line: count, what: "\(count) lines, at most \(limit)") : nil
        }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("no function is longer than 60 lines")
    func functions() {
        let findings = allFunctions().filter { $1.lineCount > functionLinesMax }.map { path, function in
            Finding(path: path, line: function.line, what: "`\(function.name)` has \(function.lineCount) lines")
        }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("no function takes more than 6 parameters")
    func parameters() {
        // Values and services are made of as many parts as they have; what is done with them takes few.
        // So do the builders of tests.
        let findings = allFunctions().filter { path, function in
            !function.name.hasPrefix("init") && path.hasPrefix("Sources/") && function.parameterCount > parametersMax
        }.map { path, function in
            Finding(path: path, line: function.line, what: "`\(function.name)` takes \(function.parameterCount)")
        }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("control flow nests no deeper than 4")
    func nesting() {
        let findings = allFunctions().filter { $1.nesting > nestingMax }.map { path, function in
            Finding(path: path, line: function.line, what: "`\(function.name)` nests \(function.nesting) deep")
        }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    private func allFunctions() -> [(String, FunctionScanner.Found)] {
        Repository.shared.swift.flatMap { file in
            FunctionScanner(file.code).functions().map { (file.path, $0) }
        }
    }
}
