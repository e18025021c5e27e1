import Domain

extension RowTemplate {
    /// What fills a slot, where the row stands.
    public typealias Slot = (RowSlot, borrowing Row, PageBuffer) throws -> Void

    /// Writes a row's item behind the one before it. Texts go from the database's buffer to the page as they lie.
    public func write(_ row: borrowing Row, _ out: PageBuffer, _ slot: Slot) rethrows {
        out.separate()
        try constants.withUnsafeBufferPointer { constants in
            for part in parts {
                if part.length > 0, let start = constants.baseAddress { out.append(start + part.start, part.length) }
                switch part.form {
                case .slot(let name): try slot(name, row, out)
                case .none: break
                case .some(let form): RowTemplate.write(form, row, out)
                }
            }
        }
    }

    private static func write(_ form: ColumnForm, _ row: borrowing Row, _ out: PageBuffer) {
        switch form {
        case .text(let column):
            if let text = row.bytes(column) { out.string(text) } else { out.null() }
        case .bare(let column):
            if let text = row.bytes(column), let start = text.baseAddress { out.append(start, text.count) }
        case .json(let column):
            if let text = row.bytes(column), let start = text.baseAddress {
                out.append(start, text.count)
            } else {
                out.null()
            }
        case .integer(let column):
            row.isNull(column) ? out.null() : out.integer(row.int(column))
        case .flag(let column):
            out.literal(row.bool(column) ? "true" : "false")
        case .amount(let column, let currency):
            row.isNull(column) ? out.null() : out.amount(row.int(column), scale: scale(row, currency))
        case .credit(let column, let currency):
            let minor = row.int(column)
            minor >= 0 ? out.amount(minor, scale: scale(row, currency)) : out.null()
        case .debit(let column, let currency):
            let minor = row.int(column)
            minor < 0 ? out.amount(0 &- minor, scale: scale(row, currency)) : out.null()
        case .instant(let column):
            row.isNull(column) ? out.null() : out.instant(row.int(column))
        case .midnight(let column):
            guard let day = row.bytes(column), let start = day.baseAddress else { return out.null() }
            out.append(UInt8(ascii: "\""))
            out.append(start, day.count)
            out.literal("T00:00:00.000Z\"")
        case .names(let column):
            out.json { out in
                out.array { out in for name in row.text(column).split(separator: ",") { out.string(String(name)) } }
            }
        case .slot:
            break
        }
    }

    private static func scale(_ row: borrowing Row, _ currency: Int) -> Int {
        row.bytes(currency).map { Currency.scale(of: $0) } ?? Currency.usualScale
    }
}
