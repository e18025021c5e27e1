import Domain

extension RowTemplate {
    /// Writes a row's item. Texts go from the database's buffer to the reply as they lie.
    public func write(
        _ row: borrowing Row, _ out: inout JSONWriter,
        _ slot: (RowSlot, borrowing Row, inout JSONWriter) throws -> Void
    ) rethrows {
        out.begin()
        for piece in pieces {
            switch piece {
            case .bytes(let bytes): out.piece(bytes)
            case .column(.slot(let name)): try slot(name, row, &out)
            case .column(let form): RowTemplate.write(form, row, &out)
            }
        }
        out.end()
    }

    private static func write(_ form: ColumnForm, _ row: borrowing Row, _ out: inout JSONWriter) {
        switch form {
        case .bare(let column):
            row.withBytes(column) { out.piece($0) }
        case .text(let column):
            row.isNull(column) ? out.null() : row.withBytes(column) { out.string(utf8: $0) }
        case .integer(let column):
            row.isNull(column) ? out.null() : out.integer(row.int(column))
        case .flag(let column):
            out.bool(row.bool(column))
        case .amount(let column):
            row.isNull(column) ? out.null() : out.amount(minor: row.int(column), scale: 2)
        case .credit(let column):
            let minor = row.int(column)
            minor >= 0 ? out.amount(minor: minor, scale: 2) : out.null()
        case .debit(let column):
            let minor = row.int(column)
            minor < 0 ? out.amount(minor: 0 &- minor, scale: 2) : out.null()
        case .instant(let column):
            row.isNull(column) ? out.null() : out.instant(row.instant(column))
        case .midnight(let column):
            row.isNull(column) ? out.null() : row.withBytes(column) { out.midnight(utf8: $0) }
        case .names(let column):
            out.array { out in for name in row.text(column).split(separator: ",") { out.string(String(name)) } }
        case .json(let column):
            row.isNull(column) ? out.null() : row.withBytes(column) { out.raw($0) }
        case .slot:
            break
        }
    }
}
