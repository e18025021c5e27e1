/// Blanks comments, and on request the contents of string literals, of Swift text. Every newline stays where it is.
///
/// It knows nested comments, raw and multi-line literals and interpolation; it does not know regex literals.
struct Scrubber {
    private enum Mode {
        /// `parens` counts open parentheses inside an interpolation; nil outside of one.
        case code(parens: Int?)
        case string(hashes: Int, isMultiline: Bool)
    }

    private let bytes: [UInt8]
    private let keepsStrings: Bool
    private var output: [UInt8] = []
    private var modes: [Mode] = [.code(parens: nil)]
    private var index = 0

    init(_ bytes: [UInt8], keepingStrings: Bool) {
        self.bytes = bytes
        keepsStrings = keepingStrings
    }

    func scrubbed() -> [UInt8] {
        var copy = self
        copy.output.reserveCapacity(bytes.count)
        while copy.index < copy.bytes.count { copy.step() }
        return copy.output
    }

    private mutating func step() {
        switch modes.last {
        case .string(let hashes, let isMultiline): stepInString(hashes: hashes, isMultiline: isMultiline)
        case .code(let parens): stepInCode(parens: parens)
        case nil: keep(1)
        }
    }

    private mutating func stepInCode(parens: Int?) {
        if starts("//") {
            while index < bytes.count, bytes[index] != newline { blank(1) }
        } else if starts("/*") {
            blankBlockComment()
        } else if let opening = stringOpening() {
            keep(opening.length)
            modes.append(.string(hashes: opening.hashes, isMultiline: opening.isMultiline))
        } else {
            count(parens)
            keep(1)
        }
    }

    /// Ends an interpolation at its own closing parenthesis.
    private mutating func count(_ parens: Int?) {
        guard let parens else { return }
        if bytes[index] == UInt8(ascii: "(") {
            modes[modes.count - 1] = .code(parens: parens + 1)
        } else if bytes[index] == UInt8(ascii: ")") {
            if parens == 1 {
                modes.removeLast()
            } else {
                modes[modes.count - 1] = .code(parens: parens - 1)
            }
        }
    }

    private mutating func stepInString(hashes: Int, isMultiline: Bool) {
        let close = (isMultiline ? "\"\"\"" : "\"") + String(repeating: "#", count: hashes)
        let escape = "\\" + String(repeating: "#", count: hashes)
        if starts(escape + "(") {
            keep(hashes + 2)
            modes.append(.code(parens: 1))
        } else if starts(escape) {
            text(hashes + 2)
        } else if starts(close) {
            keep(close.utf8.count)
            modes.removeLast()
        } else if bytes[index] == newline, !isMultiline {
            // Not valid Swift; going on as code keeps the rest of the file readable.
            modes.removeLast()
        } else {
            text(1)
        }
    }

    private func stringOpening() -> (length: Int, hashes: Int, isMultiline: Bool)? {
        var end = index
        while end < bytes.count, bytes[end] == UInt8(ascii: "#") { end += 1 }
        guard end < bytes.count, bytes[end] == quote else { return nil }
        let hashes = end - index
        let isMultiline = end + 2 < bytes.count && bytes[end + 1] == quote && bytes[end + 2] == quote
        return (hashes + (isMultiline ? 3 : 1), hashes, isMultiline)
    }

    private mutating func blankBlockComment() {
        var depth = 0
        repeat {
            if starts("/*") {
                depth += 1
                blank(2)
            } else if starts("*/") {
                depth -= 1
                blank(2)
            } else {
                blank(1)
            }
        } while depth > 0 && index < bytes.count
    }

    private func starts(_ text: String) -> Bool {
        var at = index
        for byte in text.utf8 {
            guard at < bytes.count, bytes[at] == byte else { return false }
            at += 1
        }
        return true
    }

    private mutating func text(_ count: Int) {
        if keepsStrings { keep(count) } else { blank(count) }
    }

    private mutating func keep(_ count: Int) {
        let end = min(index + count, bytes.count)
        output += bytes[index..<end]
        index = end
    }

    private mutating func blank(_ count: Int) {
        let end = min(index + count, bytes.count)
        output += bytes[index..<end].map { $0 == newline ? newline : UInt8(ascii: " ") }
        index = end
    }

    private var newline: UInt8 { UInt8(ascii: "\n") }
    private var quote: UInt8 { UInt8(ascii: "\"") }
}
