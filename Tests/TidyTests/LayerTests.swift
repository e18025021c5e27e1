import Testing

/// What a file imports shows where it stands: data flows one way (ARCHITECTURE.md).
@Suite("Layers")
struct LayerTests {
    private static let system: Set<String> = [
        "Foundation", "FoundationEssentials", "Glibc", "Musl", "Darwin", "Synchronization",
    ]
    private static let nio: Set<String> = [
        "NIOCore", "NIOPosix", "NIOHTTP1", "NIOSSL", "NIOTLS", "NIOConcurrencyHelpers", "NIOFoundationCompat",
    ]
    private static let http: Set<String> = [
        "Hummingbird", "HummingbirdCore", "HTTPTypes", "NIOCore", "NIOHTTPTypes", "ServiceLifecycle",
    ]
    private static let shop = "Examples/shop/Sources/"
    private static let parts: Set<String> = ["Domain", "Storage", "Outbound", "Connectors", "Engine", "Web"]

    /// Target → what its files may import beside the system's modules.
    private static let table: [String: Set<String>] = [
        "CSQLite": [],
        "CPostgres": [],
        "CZlib": [],
        "CProcess": [],
        "Domain": [],
        "Storage": ["Domain", "CSQLite", "CPostgres", "Crypto", "Logging"],
        "Outbound": nio.union(["Domain", "AsyncHTTPClient", "CProcess", "Logging"]),
        "Connectors": ["Domain", "CZlib", "Crypto"],
        "Engine": ["Domain", "Storage", "Connectors", "ServiceLifecycle", "Crypto", "Logging"],
        "Web": http.union(["Domain", "Engine", "CZlib", "Crypto", "Logging"]),
        // For receivers, who have nothing else of ours.
        "KubewaWebhooks": ["Crypto"],
        // The example knows the public API alone.
        "Shop": ["AsyncHTTPClient", "Crypto", "HTTPTypes", "Hummingbird", "Logging", "NIOCore", "NIOHTTP1"],
        "ShopServer": ["Shop"],
        "Kubewa": parts.union(http).union([
            "Logging", "ArgumentParser", "NIOPosix", "Crypto", "UnixSignals", "Shop",
        ]),
        "TestKit": parts.union(http).union(["Logging", "NIOPosix", "NIOHTTP1"]),
    ]

    /// Files that make a `Scope`: who asks is proved there, or it is the engine's own work.
    private static let scopeMakers: Set<String> = [
        "Sources/Domain/Scope.swift",
        "Sources/Storage/Stores/LaneStore.swift",
        // A replay under way names its environment.
        "Sources/Storage/Stores/ReplayStore.swift",
        // A removal under way names its environment.
        "Sources/Storage/Stores/RemovalStore.swift",
        // What is old is forgotten environment by environment.
        "Sources/Storage/Stores/RetentionStore.swift",
        // The file connector's calls name the environment, as every connector's do.
        "Sources/Storage/Stores/StatementShelf.swift",
        // A job of the environment's clock names its environment.
        "Sources/Engine/Scheduler/ClockLoop.swift",
        // Who opens a link's page knows nothing but the session's id, which is the secret.
        "Sources/Engine/Services/LinkService.swift",
        // Who comes back from a bank's page brings a reference that was given out for one session.
        "Sources/Engine/Link/LinkService+returning.swift",
        // A bank's push is proved by its signature and names its environment.
        "Sources/Engine/Services/UpstreamService.swift",
    ]

    @Test("every file imports only what its target may")
    func imports() {
        var findings: [Finding] = []
        for file in Repository.shared.swift(under: "Sources/", Self.shop) {
            guard let target = file.target, let allowed = Self.table[target] else {
                findings.append(Finding(path: file.path, line: 1, what: "this target is not in the table"))
                continue
            }
            for line in file.code.lines(containing: "import") {
                guard let module = importedModule(file.code.text(ofLine: line)) else { continue }
                if !allowed.contains(module), !Self.system.contains(module) {
                    findings.append(Finding(path: file.path, line: line, what: "\(target) may not import \(module)"))
                }
            }
        }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("Domain has no I/O in reach")
    func domain() {
        let findings = Repository.shared.swift(under: "Sources/Domain/").flatMap { file in
            file.findings(of: "import Foundation", "FileManager", "URLSession", because: "effects belong above")
                + file.findings(of: "actor", because: "values here, tasks and actors above")
        }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("the table names the package's targets, no more and no fewer")
    func tableIsComplete() {
        var folders: Set<String> = []
        for root in ["Sources/", Self.shop] {
            let sources = Repository.shared.paths.filter { $0.hasPrefix(root) }
            folders.formUnion(sources.map { String($0.dropFirst(root.count).prefix { $0 != "/" }) })
        }
        #expect(folders == Set(Self.table.keys))
    }

    @Test("a Scope is made only where it is known who asks")
    func scopes() {
        let findings = Repository.shared.swift(under: "Sources/").filter { !$0.isTest }
            .filter { !Self.scopeMakers.contains($0.path) }
            .flatMap { $0.findings(of: "Scope(environmentID:", because: "take the scope of the caller") }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("only the command prints; everything else logs or returns")
    func printing() {
        let findings = Repository.shared.swift(under: "Sources/", Self.shop).filter { $0.target != "Kubewa" }
            .flatMap { file in
                file.findings(of: "print(", "debugPrint(", "dump(", because: "log it, or return it")
                    .filter { !file.code.text(ofLine: $0.line).contains("func print(") }
            }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    private func importedModule(_ line: Substring) -> String? {
        let words = line.split(separator: " ")
        guard let keyword = words.firstIndex(of: "import"),
            words[..<keyword].allSatisfy({ $0.hasPrefix("@") || ["package", "public", "internal"].contains($0) })
        else { return nil }
        let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
        let path = words[(keyword + 1)...].first { !kinds.contains($0) }
        return path?.split(separator: ".").first.map(String.init)
    }
}
