import Testing

/// The rules are only as good as what reads the sources for them.
@Suite("What reads the sources")
struct ScannerTests {
    private func code(_ text: String) -> String {
        String(decoding: Scrubber(Array(text.utf8), keepingStrings: false).scrubbed(), as: UTF8.self)
    }

    @Test("comments and texts are blanked, code around them stays")
    func blanksCommentsAndTexts() {
        #expect(code("let a = \"Date()\" // Date()") == "let a = \"      \"          ")
        #expect(code("/* x /* y */ z */ b") == "                  b")
        #expect(code("let url = \"http://x\"; c()") == "let url = \"        \"; c()")
    }

    @Test("code inside an interpolation is still code")
    func keepsInterpolatedCode() {
        #expect(code(##""a \(f("b") + UUID().uuidString) c""##) == ##""  \(f(" ") + UUID().uuidString)  ""##)
    }

    @Test("raw and multi-line texts end where they end")
    func knowsRawAndMultilineTexts() {
        #expect(code("#\"a \" b\"# + c") == "#\"     \"# + c")
        #expect(code("\"\"\"\n\"x\" {\n\"\"\"\nd { }") == "\"\"\"\n     \n\"\"\"\nd { }")
        #expect(code(#""\\" + e"#) == #""  " + e"#)
    }

    @Test("texts can be read without the code around them")
    func readsTexts() {
        let file = SourceFile(path: "a.swift", text: "now(\"now()\") // now()\n\"b\"")
        #expect(file.texts.offsets(of: "now()") == [5])
        #expect(file.texts.lines(containing: "b") == [2])
        #expect(file.code.offsets(of: "now") == [0])
    }

    @Test("a word is found only as a whole word")
    func findsWholeWords() {
        let text = SearchableText(Array("reprint(1)\nprint(2)\nx.print(3)".utf8))
        #expect(text.lines(containing: "print(") == [2, 3])
        #expect(text.lines(containing: ".print(") == [3])
    }

    @Test("functions are measured, requirements without a body are not")
    func measuresFunctions() {
        let text = """
            protocol P { func a(_ x: Int)
                func b() async throws -> Int
            }
            init(a: Int, b: (Int, Int) -> Void, c: [String: Int], _ scope: Scope) {
                if a > 0 { run { for x in y { b(1, 2) } } } else { }
            }
            static func f<T>(
                _ x: T
            ) -> Int
            where T: P {
                1
            }
            let z = self.init(1) ?? { }
            """
        let found = FunctionScanner(SearchableText(Array(text.utf8))).functions()
        #expect(found.map(\.name) == ["init", "f<T>"])
        #expect(found.map(\.line) == [4, 7])
        #expect(found.map(\.lineCount) == [3, 6])
        #expect(found.map(\.parameterCount) == [3, 1])
        #expect(found.map(\.nesting) == [2, 0])
    }

    @Test("the repository's own files are found")
    func findsTheRepository() {
        #expect(Repository.shared.paths.contains("Package.swift"))
        #expect(Repository.shared.swift.count > 50)
        #expect(!Repository.shared.paths.contains { $0.hasPrefix(".build") })
    }
}
