/// Finds functions and initialisers by their braces: a heuristic that needs no parser.
struct FunctionScanner {
    struct Found: Equatable {
        let name: String
        let line: Int
        /// From the line of the name to the line of the closing brace, both included.
        let lineCount: Int
        /// Without those that nearly every function of a layer takes, such as the scope and the transaction.
        let parameterCount: Int
        /// How deep `if`, `for` and their like stand in each other; closures do not count.
        let nesting: Int
    }

    private let code: SearchableText
    private var bytes: [UInt8] { code.bytes }

    init(_ code: SearchableText) { self.code = code }

    func functions() -> [Found] {
        (code.offsets(of: "func") + code.offsets(of: "init").filter(isInitialiser)).sorted().compactMap(function)
    }

    private func isInitialiser(_ offset: Int) -> Bool {
        if offset > 0, bytes[offset - 1] == UInt8(ascii: ".") { return false }
        var next = offset + 4
        while next < bytes.count, "?!".utf8.contains(bytes[next]) { next += 1 }
        return next < bytes.count && "(<".utf8.contains(bytes[next])
    }

    private func function(at offset: Int) -> Found? {
        guard let open = bytes[offset...].firstIndex(of: UInt8(ascii: "(")), let close = closing(open, "(", ")"),
            let brace = bodyStart(after: close + 1), let end = closing(brace, "{", "}")
        else { return nil }
        let line = code.line(at: offset)
        return Found(
            name: name(from: offset, to: open), line: line, lineCount: code.line(at: end) - line + 1,
            parameterCount: parameters(open + 1, close), nesting: nesting(brace, end))
    }

    private func name(from offset: Int, to open: Int) -> String {
        let words = String(decoding: bytes[offset..<open], as: UTF8.self).split(separator: " ")
        return String((words.first == "func" ? words.dropFirst().first : words.first) ?? "?")
    }

    private func closing(_ start: Int, _ open: Character, _ close: Character) -> Int? {
        guard let openByte = open.asciiValue, let closeByte = close.asciiValue else { return nil }
        var depth = 0
        for index in start..<bytes.count {
            if bytes[index] == openByte { depth += 1 }
            if bytes[index] == closeByte {
                depth -= 1
                if depth == 0 { return index }
            }
        }
        return nil
    }

    /// The opening brace, unless the declaration ends before one (a requirement of a protocol has no body).
    private func bodyStart(after start: Int) -> Int? {
        var index = start
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "{") { return index }
            if bytes[index] == UInt8(ascii: "}") { return nil }
            if bytes[index] == UInt8(ascii: "\n"), !continues(after: index + 1) { return nil }
            index += 1
        }
        return nil
    }

    private func continues(after start: Int) -> Bool {
        var index = start
        while index < bytes.count, " \n\t".utf8.contains(bytes[index]) { index += 1 }
        let rest = bytes[index..<min(index + 9, bytes.count)]
        return ["{", "->", "where", "async", "throws", "rethrows", ")", "&"].contains { rest.starts(with: $0.utf8) }
    }

    private static let ambient: Set<String> = ["Scope", "Transaction", "SQLConnection", "ConnectorContext"]

    private func parameters(_ start: Int, _ end: Int) -> Int {
        var depth = 0
        var starts = [start]
        for index in start..<end {
            switch bytes[index] {
            case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"), UInt8(ascii: "<"): depth += 1
            case UInt8(ascii: ">") where bytes[index - 1] == UInt8(ascii: "-"): break
            case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: ">"): depth -= 1
            case UInt8(ascii: ",") where depth == 0: starts.append(index + 1)
            default: break
            }
        }
        let texts = zip(starts, starts.dropFirst().map { $0 - 1 } + [end]).map { from, to in
            String(decoding: bytes[from..<to], as: UTF8.self)
        }
        return texts.count { text in
            let type = text.split(separator: ":").last?.split { " \n".contains($0) }.last
            return type.map { !Self.ambient.contains(String($0)) } ?? false
        }
    }

    private static let control: Set<Substring> = [
        "if", "else", "for", "while", "repeat", "switch", "do", "catch", "guard",
    ]

    private func nesting(_ start: Int, _ end: Int) -> Int {
        var isControl: [Bool] = []
        var deepest = 0
        var statement = start + 1
        for index in (start + 1)..<end {
            switch bytes[index] {
            case UInt8(ascii: "{"):
                isControl.append(isControlFlow(statement, index))
                deepest = max(deepest, isControl.count { $0 })
                statement = index + 1
            case UInt8(ascii: "}"):
                _ = isControl.popLast()
                statement = index + 1
            default: break
            }
        }
        return deepest
    }

    /// Whether the text before a brace, back to the brace before it, has a line that begins with a keyword of control.
    private func isControlFlow(_ start: Int, _ brace: Int) -> Bool {
        String(decoding: bytes[start..<brace], as: UTF8.self).split(separator: "\n").contains { line in
            line.split(separator: " ").first.map(Self.control.contains) ?? false
        }
    }
}
