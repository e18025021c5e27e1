import Domain

/// Amounts as text formats write them, to whole minor units; nothing is ever rounded.
enum StatementAmount {
    /// A decimal with a comma or a point before its decimals. Where both stand, the last is the decimal's and the
    /// others part thousands; where one stands several times, all part thousands.
    ///
    /// - Throws: `malformed` that says which line, never which amount.
    static func money(
        _ text: some StringProtocol, _ currency: Currency, what: String, place: Int
    ) throws(StatementError) -> Money {
        guard let plain = plain(text) else {
            throw StatementError(
                .malformed, "\(what) is not a number; export the statement again.", place: place)
        }
        return try parsed(plain, currency, what: what, place: place)
    }

    /// The same for text that is a plain decimal with a point already.
    static func parsed(
        _ plain: String, _ currency: Currency, what: String, place: Int
    ) throws(StatementError) -> Money {
        do throws(MoneyError) {
            return try Money(parsing: plain, currency: currency)
        } catch {
            let reason =
                switch error {
                case .notANumber: "is not a number"
                case .tooFine: "has more decimals than \(currency.code) has, and is not rounded"
                case .tooLarge: "is too large"
                }
            throw StatementError(.malformed, "\(what) \(reason); ask the bank for another export.", place: place)
        }
    }

    /// With a sign only in front and a point before the decimals; nil when it is no number.
    static func plain(_ text: some StringProtocol) -> String? {
        var (commas, points, lastMark) = (0, 0, UInt8(0))
        for byte in text.utf8 {
            if byte == comma { commas += 1 } else if byte == point { points += 1 } else { continue }
            lastMark = byte
        }
        // One kind of mark that stands once, or the later of two kinds that stands once, is the decimal's.
        let decimalMark = (lastMark == comma ? commas : points) == 1 ? lastMark : 0
        guard decimalMark != 0 || commas == 0 || points == 0 else { return nil }
        var plain: [UInt8] = []
        plain.reserveCapacity(text.utf8.count)
        var groupDigits = -1
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "+"), UInt8(ascii: "-"):
                guard plain.isEmpty else { return nil }
                plain.append(byte)
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                plain.append(byte)
                if groupDigits >= 0 { groupDigits += 1 }
            case comma, point:
                if groupDigits >= 0, groupDigits != 3 { return nil }
                if byte == decimalMark { plain.append(point) }
                groupDigits = byte == decimalMark ? -1 : 0
            case UInt8(ascii: " "):
                continue
            default: return nil
            }
        }
        if groupDigits >= 0, groupDigits != 3 { return nil }
        return plain.isEmpty ? nil : String(decoding: plain, as: UTF8.self)
    }

    private static let comma = UInt8(ascii: ",")
    private static let point = UInt8(ascii: ".")
}
