import Foundation

/// The files of this repository, read once. What builds, tests and `make run` leave behind is not part of it.
struct Repository: Sendable {
    static let shared = Repository()

    let root: String
    /// Every path below the root, sorted.
    let paths: [String]
    let swift: [SourceFile]
    let markdown: [TextFile]

    private static let skipped: Set<String> = [
        ".git", ".swiftpm", ".venv", ".pytest_cache", "__pycache__", "data", "node_modules",
    ]

    private init() {
        let here = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        let root = here.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
        self.root = root
        paths = Self.walk(root).sorted()
        func text(_ path: String) -> String {
            let bytes = FileManager.default.contents(atPath: "\(root)/\(path)") ?? Data()
            return String(decoding: bytes, as: UTF8.self)
        }
        swift = paths.filter { $0.hasSuffix(".swift") }.map { SourceFile(path: $0, text: text($0)) }
        markdown = paths.filter { $0.hasSuffix(".md") }.map { TextFile(path: $0, text: text($0)) }
    }

    func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(root)/\(path)")
    }

    func text(_ path: String) -> String? {
        FileManager.default.contents(atPath: "\(root)/\(path)").map { String(decoding: $0, as: UTF8.self) }
    }

    /// Swift files whose path starts with one of these.
    func swift(under prefixes: String...) -> [SourceFile] {
        swift.filter { file in prefixes.contains { file.path.hasPrefix($0) } }
    }

    private static func walk(_ root: String, below folder: String = "") -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(root)/\(folder)")) ?? []
        var found: [String] = []
        for name in names where !skipped.contains(name) && !name.hasPrefix(".build") {
            let path = folder.isEmpty ? name : "\(folder)/\(name)"
            var isFolder: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: "\(root)/\(path)", isDirectory: &isFolder)
            if exists, isFolder.boolValue {
                found += walk(root, below: path)
            } else {
                found.append(path)
            }
        }
        return found
    }
}

/// Where a rule is broken, as an editor opens it.
struct Finding: CustomStringConvertible, Equatable {
    let path: String
    let line: Int
    let what: String

    var description: String { "\(path):\(line): \(what)" }
}

/// One finding a line: the message of a failed rule.
func report(_ findings: [Finding]) -> String {
    findings.map(\.description).joined(separator: "\n")
}

/// A file and its lines.
struct TextFile: Sendable {
    let path: String
    let text: String
    let lines: [Substring]

    init(path: String, text: String) {
        self.path = path
        self.text = text
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    var name: String { path.split(separator: "/").last.map(String.init) ?? path }
}
