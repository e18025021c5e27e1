import Connectors
import Domain

/// What a parser tells of a text, fed in pieces.
struct ParserPlay: Equatable {
    var events: [StatementEvent] = []
    var error: StatementError?

    init(_ parser: any StatementParser, _ text: String, pieceBytes: Int = .max) {
        self.init(parser, Array(text.utf8), pieceBytes: pieceBytes)
    }

    init(_ parser: any StatementParser, _ bytes: [UInt8], pieceBytes: Int = .max) {
        var parser = parser
        var told: [StatementEvent] = []
        do throws(StatementError) {
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = Array(rest.prefix(pieceBytes))
                rest = rest.dropFirst(piece.count)
                try piece.withUnsafeBufferPointer { buffer throws(StatementError) in
                    try parser.feed(UnsafeRawBufferPointer(buffer)) { event throws(StatementError) in
                        told.append(event)
                    }
                }
            }
            try parser.finish { event throws(StatementError) in told.append(event) }
        } catch {
            self.error = error
        }
        events = told
    }

    var headers: [StatementHeader] { events.compactMap { if case .begin(let header) = $0 { header } else { nil } } }
    var rows: [StatementRow] { events.compactMap { if case .row(let row) = $0 { row } else { nil } } }
    var closings: [StatementClosing] { events.compactMap { if case .end(let end) = $0 { end } else { nil } } }
    var notes: [StatementNote] { events.compactMap { if case .note(let note) = $0 { note } else { nil } } }
    /// `2024-01-31 -12.30 NGN`, one a row.
    var lines: [String] {
        rows.map { row in
            let transaction = row.transaction
            return "\(transaction.bookedOn) \(transaction.amount.decimal) \(transaction.amount.currency)"
        }
    }
}
