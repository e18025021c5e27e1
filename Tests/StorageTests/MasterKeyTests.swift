import Crypto
import Domain
import FoundationEssentials
import TestKit
import Testing

@testable import Storage

struct MasterKeyTests {
    private let runtime = ManualRuntime()

    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = try makeTemporaryFolder()
        defer { removeFolder(folder) }
        try await body(folder)
    }

    private func open(_ path: String, _ database: Database) async throws -> Vault {
        try await Vault.open(.file(path: path), database: database, runtime: runtime)
    }

    @Test("the first run makes a private file; the next one takes it")
    func firstRun() async throws {
        try await withFolder { folder in
            let path = folder + "/master.key"
            try await onDatabase(.sqlite) { test in
                let first = try await open(path, test.database)
                let attributes = try FileManager.default.attributesOfItem(atPath: path)
                #expect(attributes[.posixPermissions] as? Int == 0o600)
                #expect(try Data(contentsOf: URL(filePath: path)).count == 65)
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["master.key"])
                let second = try await open(path, test.database)
                #expect(first.index("x", purpose: "p") == second.index("x", purpose: "p"))
            }
        }
    }

    @Test("a missing key is not made anew when the database holds something sealed")
    func missing() async throws {
        try await withFolder { folder in
            let path = folder + "/master.key"
            try await onEveryDatabase { database in
                _ = try await open(path, database)
                try FileManager.default.removeItem(atPath: path)
                await #expect(throws: VaultError.keyMissing(where: path)) { try await open(path, database) }
                #expect(!FileManager.default.fileExists(atPath: path))
                #expect(VaultError.keyMissing(where: path).description.contains("Put the key"))
            }
        }
    }

    @Test("a file whose folder is missing or that cannot be read says so")
    func unreadable() async throws {
        try await withFolder { folder in
            try await onDatabase(.sqlite) { test in
                do {
                    _ = try await open(folder + "/none/master.key", test.database)
                    Issue.record("it opened")
                } catch let error as VaultError {
                    #expect(error.description.contains("No such file or directory"))
                }
                await #expect(throws: VaultError.self) { try await open(folder, test.database) }
            }
        }
    }

    @Test("hex and base64 of 32 bytes are taken, with blanks around; nothing else")
    func forms() throws {
        let bytes = (0..<32).map { UInt8($0 * 7 & 0xff) }
        let random: (Int) -> [UInt8] = { [UInt8](repeating: 0, count: $0) }
        let good = [Hex.encode(bytes), Hex.encode(bytes).uppercased() + "\n", Data(bytes).base64EncodedString() + " "]
        for text in good {
            let key = try MasterKeySource.value(text, variable: "K").load(mayMake: true, random: random)
            #expect(key.withUnsafeBytes { Array($0) } == bytes)
        }
        for text in ["x", Hex.encode(bytes.dropLast()), Hex.encode(bytes + [1]), String(repeating: "z", count: 64)] {
            #expect(throws: VaultError.keyUnreadable(where: "K")) {
                try MasterKeySource.value(text, variable: "K").load(mayMake: true, random: random)
            }
        }
        #expect(throws: VaultError.keyMissing(where: "K")) {
            try MasterKeySource.value("", variable: "K").load(mayMake: true, random: random)
        }
    }
}
