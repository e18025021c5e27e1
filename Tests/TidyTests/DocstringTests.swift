import Testing

@Suite("Docstrings")
struct DocstringTests {
    @Test("every public type and function says in a `///` what its name does not")
    func sources() {
        let files = Repository.shared.swift(under: "Sources/", "Examples/").filter { !$0.isGenerated }
        let scanner = DocstringScanner(files)
        let findings = files.flatMap(scanner.findings)
        #expect(files.count > 100)
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("a public declaration without a docstring is found wherever it stands")
    func found() {
        #expect(
            missing(
                """
                public struct Bare {
                    public enum Inner { case one }
                    @discardableResult
                    public static func make() -> Bare { Bare() }
                    // A plain comment is no docstring.
                    public mutating func change() {}
                    func hidden() {}
                }
                public func free() {}
                public protocol Asking {
                    func ask()
                }
                """) == ["Bare:1", "Inner:2", "make:4", "change:6", "free:9", "Asking:10", "ask:11"])
    }

    @Test("what is documented, known from the standard library or only a name is left alone")
    func leftAlone() {
        #expect(
            missing(
                """
                /// A thing.
                @frozen
                public struct Thing: Comparable {
                    /// Does it.
                    @discardableResult
                    public func act() -> Int { 1 }
                    public static func < (left: Self, right: Self) -> Bool { false }
                    public func hash(into hasher: inout Hasher) {}
                    let text = "public func quoted()"
                }
                public enum Name {}
                """) == [])
    }

    @Test("a witness is told by the protocol's requirement, a default implementation and a namesake are not")
    func witnesses() {
        #expect(
            missing(
                """
                /// Asks.
                public protocol Asking {
                    /// Asks once.
                    func ask(_ name: String)
                }
                extension Asking {
                    public func ask(_ name: String) {}
                }
                /// Conforms.
                public struct Asker: Sendable, Asking {
                    public func ask(_ name: String) {}
                }
                /// Conforms in an extension.
                public struct Late {}
                extension Late: Asking {
                    public func ask(_ name: String) {}
                }
                /// Does not conform.
                public struct Namesake {
                    public func ask(_ name: String) {}
                }
                """) == ["ask:7", "ask:20"])
    }

    private func missing(_ text: String) -> [String] {
        let file = SourceFile(path: "Sources/Sample/Sample.swift", text: text)
        return DocstringScanner([file]).findings(in: file).map { finding in
            "\(finding.what.split(separator: "`").first ?? ""):\(finding.line)"
        }
    }
}
