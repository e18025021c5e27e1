import Domain
import Testing

struct AccountNumberTests {
    @Test(
        "the check digit follows the published rule",
        arguments: [
            ("011", "000001457", 9), ("058", "000001457", 0), ("50547", "000001457", 3), ("232", "000000000", 7),
            ("50211", "200012345", 1),
        ])
    func vectors(_ code: String, _ serial: String, _ digit: Int) {
        let institution = AccountNumber.institutionCode(code)
        #expect(AccountNumber.checkDigit(institutionCode: institution, serial: serial) == digit)
        #expect(AccountNumber.make(institutionCode: institution, serial: serial) == serial + String(digit))
        #expect(AccountNumber.isValid(serial + String(digit), institutionCode: institution))
        #expect(!AccountNumber.isValid(serial + String((digit + 1) % 10), institutionCode: institution))
    }

    @Test("what is not ten digits is not a number")
    func shapes() {
        for text in ["", "123456789", "12345678901", "12345678x1", "١٢٣٤٥٦٧٨٩٠"] {
            #expect(!AccountNumber.isValid(text, institutionCode: "000057"), "\(text)")
        }
        #expect(AccountNumber.checkDigit(institutionCode: "057", serial: "123456789") == nil)
    }
}
