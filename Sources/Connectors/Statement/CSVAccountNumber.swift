/// An account number as banks and spreadsheets write it.
enum CSVAccountNumber {
    private static let lengthMax = 64
    private static let nubanDigits = 10

    /// The number alone, without the words, blanks and currency around it. nil when it is hidden in part, or a
    /// spreadsheet has made something else of it: the person is asked then.
    static func read(_ text: String) -> String? {
        var bytes = Array(text.utf8)
        if bytes.first == UInt8(ascii: "'") { bytes.removeFirst() }
        guard !bytes.contains(UInt8(ascii: "*")), !isHidden(bytes), !isExponent(text) else { return nil }
        let plain = bytes.filter { isDigit($0) || isLetter($0) }
        if isIBAN(plain) { return String(decoding: plain, as: UTF8.self) }
        let runs = bytes.filter { $0 != 32 && $0 != UInt8(ascii: "-") }.split { !isDigit($0) }.filter { $0.count >= 6 }
        if runs.count == 1, let run = runs.first {
            // Taken for a number, one of ten digits has lost the zero that it began with.
            let lost = run.count == nubanDigits - 1 ? "0" : ""
            return lost + String(decoding: run.prefix(lengthMax), as: UTF8.self)
        }
        return StatementText.some(String(decoding: plain.prefix(lengthMax), as: UTF8.self))
    }

    private static func isHidden(_ bytes: [UInt8]) -> Bool {
        bytes.split { $0 | 32 != UInt8(ascii: "x") }.contains { $0.count >= 3 }
    }

    private static func isExponent(_ text: String) -> Bool {
        let parts = text.uppercased().split(separator: "E", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return false }
        return parts[0].allSatisfy { $0.isNumber || $0 == "." || $0 == "," }
            && parts[1].allSatisfy { $0.isNumber || $0 == "+" }
    }

    /// Two letters, two digits, and more of both.
    private static func isIBAN(_ plain: [UInt8]) -> Bool {
        (12...34).contains(plain.count) && plain.prefix(2).allSatisfy(isLetter)
            && plain.dropFirst(2).prefix(2).allSatisfy(isDigit) && plain.suffix(6).allSatisfy(isDigit)
    }
}
