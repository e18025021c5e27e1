import Testing

/// A guide shows the code that runs: a block whose fence names a file must stand in that file.
@Suite("Excerpts in documents")
struct ExcerptTests {
    @Test("every code block that names a file occurs in it")
    func excerpts() {
        var findings: [Finding] = []
        var count = 0
        for file in Repository.shared.markdown {
            for block in blocks(file) {
                count += 1
                findings += pieces(block).filter { !occurs($0.lines, in: block.path) }.map { piece in
                    Finding(path: file.path, line: piece.number, what: "this does not stand in `\(block.path)`")
                }
            }
        }
        #expect(count > 0, "no document has an excerpt: is the mark of a file still the second word of the fence?")
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("the example asks for the same packages as the product")
    func packages() {
        let product = Set(dependencies("Package.swift"))
        let example = dependencies("Examples/shop/Package.swift")
        #expect(!example.isEmpty)
        #expect(Set(example).isSubset(of: product), "\(Set(example).subtracting(product).sorted())")
    }

    private struct Block {
        var path: String
        var lines: [(number: Int, text: Substring)] = []
    }

    private struct Piece {
        var number: Int
        var lines: [Substring]
    }

    /// Blocks that begin with three backticks, a language and a path.
    private func blocks(_ file: TextFile) -> [Block] {
        var found: [Block] = []
        var open: Block?
        var isFenced = false
        for (index, line) in file.lines.enumerated() {
            if line.hasPrefix("```") {
                if let block = open { found.append(block) }
                open = nil
                let words = line.split(separator: " ")
                if !isFenced, words.count == 2 { open = Block(path: String(words[1])) }
                isFenced.toggle()
            } else {
                open?.lines.append((index + 1, line))
            }
        }
        return found
    }

    /// A line of only `…` leaves something out.
    private func pieces(_ block: Block) -> [Piece] {
        block.lines.split { trimmed($0.text) == "…" }.compactMap { lines in
            lines.first.map { Piece(number: $0.number, lines: lines.map { trimmed($0.text) }) }
        }
    }

    private func occurs(_ wanted: [Substring], in path: String) -> Bool {
        guard let text = Repository.shared.text(path) else { return false }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(trimmed)
        guard wanted.count <= lines.count else { return false }
        return (0...lines.count - wanted.count).contains { lines[$0...].starts(with: wanted) }
    }

    /// The text of each `.package(url: …)`, spaces left out.
    private func dependencies(_ path: String) -> [String] {
        let text = (Repository.shared.text(path) ?? "").filter { !$0.isWhitespace }
        return text.split(separator: "package(url:", omittingEmptySubsequences: false).dropFirst().map { piece in
            String(piece.prefix { $0 != ")" })
        }
    }

    private func trimmed(_ line: Substring) -> Substring { line.drop { $0 == " " } }
}
