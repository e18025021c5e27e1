import Connectors
import Foundation

/// Files of the fixtures.
enum Sample {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/statements")

    static func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: folder.appending(path: name))) }

    /// What the reader takes a file for; nil when it is refused.
    static func dialect(_ bytes: [UInt8], name: String? = nil) -> StatementDialect? {
        var reader = StatementReader(name: name)
        do throws(StatementError) {
            try bytes.withUnsafeBufferPointer { piece throws(StatementError) in
                try reader.feed(UnsafeRawBufferPointer(piece)) { _ throws(StatementError) in }
            }
            try reader.finish { _ throws(StatementError) in }
        } catch {
            return nil
        }
        return reader.dialect
    }
}
