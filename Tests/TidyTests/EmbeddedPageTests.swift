import Foundation
import Testing

@Suite("The embedded link page")
struct EmbeddedPageTests {
    @Test("what the server has of the page is what lies in its sources, and docs/callbacks.md is its catalogue")
    func isFresh() throws {
        let check = Process()
        check.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        check.arguments = ["python3", "\(Repository.shared.root)/scripts/embed-page", "--check"]
        let output = Pipe()
        check.standardError = output
        try check.run()
        let said = output.fileHandleForReading.readDataToEndOfFile()
        check.waitUntilExit()
        #expect(check.terminationStatus == 0, "\(String(decoding: said, as: UTF8.self))")
    }

    @Test("nothing in the page's folder is left out, and nothing else claims to be generated")
    func isComplete() {
        let assets = Repository.shared.swift(under: "Sources/Web/Link/Assets/")
        let names = [
            "BundleJS.swift", "LinkCSS.swift", "LinkHTML.swift", "LinkJS.swift", "MoreJS.swift", "ReturnHTML.swift",
            "ReturnJS.swift",
        ]
        #expect(assets.map(\.name).sorted() == names)
        let written = assets.filter { !$0.isGenerated }
        #expect(written.isEmpty, "\(written.map(\.path))")
        let others = Repository.shared.swift.filter { $0.isGenerated && !assets.map(\.path).contains($0.path) }
        #expect(others.isEmpty, "\(others.map(\.path))")
    }
}
