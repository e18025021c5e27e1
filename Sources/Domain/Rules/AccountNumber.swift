/// Nigeria's account numbers (NUBAN): ten digits, of which the last checks the others with the institution's code.
///
/// A number is unique at its institution only, and about one institution in ten fits any number: the check helps to
/// pick a bank and proves nothing. Wallets use phone-like numbers that do not follow it.
public enum AccountNumber {
    /// The six digits that enter the check: `000` and a bank's three, `9` and another institution's five.
    public static func institutionCode(_ code: String) -> String {
        switch code.utf8.count {
        case 3: "000" + code
        case 5: "9" + code
        default: code
        }
    }

    /// The check digit over an institution's six digits and the serial's nine; nil unless they are that many digits.
    public static func checkDigit(institutionCode: String, serial: String) -> Int? {
        let digits = Array((institutionCode + serial).utf8)
        guard institutionCode.utf8.count == 6, digits.count == 15, digits.allSatisfy({ (48...57).contains($0) })
        else { return nil }
        let weights = [3, 7, 3]
        let sum = digits.enumerated().reduce(0) { $0 + Int($1.element - 48) * weights[$1.offset % 3] }
        return (10 - sum % 10) % 10
    }

    /// Whether the number has ten digits and the last one fits the others at this institution (six digits).
    public static func isValid(_ number: String, institutionCode: String) -> Bool {
        guard number.utf8.count == 10,
            let digit = checkDigit(institutionCode: institutionCode, serial: String(number.prefix(9)))
        else { return false }
        return number.hasSuffix(String(digit))
    }

    /// `serial` with its check digit: a whole number; nil unless both are of the right digits.
    public static func make(institutionCode: String, serial: String) -> String? {
        checkDigit(institutionCode: institutionCode, serial: serial).map { serial + String($0) }
    }
}
