/// Finds public types and functions, and requirements of public protocols, that no `///` explains.
///
/// Free of it are operators of comparison, `hash` and `encode`, whose meaning the standard library tells; witnesses of
/// a protocol of ours, whose requirement tells it; and types without a body, which only name something.
struct DocstringScanner {
    private static let types: Set<String> = ["struct", "enum", "protocol", "class", "actor", "typealias"]
    private static let modifiers: Set<String> = ["static", "final", "mutating", "consuming", "borrowing", "indirect"]
    private static let known: Set<String> = ["==", "<", "hash", "encode"]

    /// Names of functions by the public protocol that asks for them.
    private let requirements: [String: Set<String>]
    /// What stands behind the colon of a type and of its extensions.
    private let conformances: [String: Set<String>]

    init(_ files: [SourceFile]) {
        var requirements: [String: Set<String>] = [:]
        var conformances: [String: Set<String>] = [:]
        for declaration in files.flatMap(Self.declarations) {
            if declaration.kind == "func", let owner = declaration.requiredBy {
                requirements[owner, default: []].insert(declaration.name)
            } else if declaration.owner == nil {
                conformances[declaration.name, default: []].formUnion(declaration.inherits)
            }
        }
        self.requirements = requirements
        self.conformances = conformances
    }

    func findings(in file: SourceFile) -> [Finding] {
        Self.declarations(file).filter { isOpen($0) && !isExempt($0) && !Self.isDocumented($0.line, file) }.map {
            Finding(path: file.path, line: $0.line, what: "`\($0.name)` has no `///`")
        }
    }

    // MARK: rules

    private struct Declaration {
        let line: Int
        let kind: String
        let name: String
        let isPublic: Bool
        let isEmpty: Bool
        let inherits: Set<String>
        /// The type at the file's margin that it stands in.
        var owner: String?
        /// The public protocol that it is a requirement of.
        var requiredBy: String?
    }

    private func isOpen(_ declaration: Declaration) -> Bool {
        declaration.kind != "extension" && (declaration.isPublic || declaration.requiredBy != nil)
    }

    private func isExempt(_ declaration: Declaration) -> Bool {
        guard declaration.kind == "func" else { return declaration.isEmpty }
        guard let owner = declaration.owner, declaration.requiredBy == nil else { return false }
        let isWitness = conformances[owner, default: []].contains {
            requirements[$0, default: []].contains(declaration.name)
        }
        return isWitness || Self.known.contains(declaration.name)
    }

    private static func isDocumented(_ line: Int, _ file: SourceFile) -> Bool {
        let above = file.lines[..<(line - 1)].last { !$0.drop { $0 == " " }.hasPrefix("@") }
        return above?.drop { $0 == " " }.hasPrefix("///") ?? false
    }

    // MARK: reading

    private static func declarations(_ file: SourceFile) -> [Declaration] {
        var owner: String?
        var openProtocol: String?
        return (1...file.code.lineCount).compactMap { number in
            let text = file.code.text(ofLine: number)
            if text.hasPrefix("}") { (owner, openProtocol) = (nil, nil) }
            guard var declaration = declaration(text, number) else { return nil }
            let isAtMargin = text.first != " "
            declaration.owner = isAtMargin ? nil : owner
            declaration.requiredBy = isAtMargin || declaration.kind != "func" ? nil : openProtocol
            if isAtMargin, declaration.kind != "func", declaration.kind != "typealias" {
                owner = declaration.name
                openProtocol = declaration.kind == "protocol" && declaration.isPublic ? declaration.name : nil
            }
            return declaration
        }
    }

    private static func declaration(_ text: Substring, _ line: Int) -> Declaration? {
        var words = text.split(separator: " ").drop { $0.hasPrefix("@") }
        let isPublic = words.first == "public"
        if isPublic { words = words.dropFirst() }
        words = words.drop { modifiers.contains(String($0)) }
        guard let kind = words.first.map(String.init), let rest = words.dropFirst().first,
            types.contains(kind) || kind == "func" || kind == "extension"
        else { return nil }
        let name = kind == "func" && !isWord(rest.utf8.first ?? 0) ? rest : rest.prefix { isWord($0.utf8.first ?? 0) }
        let tail = text.split(separator: ":", maxSplits: 1).dropFirst().first ?? ""
        let inherits = tail.split { " ,{".contains($0) }.map(String.init)
        return Declaration(
            line: line, kind: kind, name: String(name), isPublic: isPublic, isEmpty: text.hasSuffix(" {}"),
            inherits: kind == "func" ? [] : Set(inherits))
    }
}
