import Domain
import Engine
import Storage
import TestKit
import Testing

@Suite struct ServerTimeTests {
    @Test("a database server tells its time, and a file has none of its own")
    func told() async throws {
        try await onEveryDatabase { database in
            let before = SystemRuntime().now()
            let told = try await database.serverTime()
            let after = SystemRuntime().now()
            guard database.dialect == .postgres else { return #expect(told == nil) }
            let theirs = try #require(told)
            // The server of the tests runs on this machine; its milliseconds may be rounded up.
            #expect(theirs >= before + -1 && theirs <= after + 1)
        }
    }
}
