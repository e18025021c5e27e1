import Domain
import Testing

struct ConsentTextTests {
    private static let end = " until you withdraw it. Your login is used for this alone."

    @Test(
        "the consent is one sentence for every set of products",
        arguments: [
            ([], "names and numbers of your accounts at GTBank"),
            ([.balance], "names, numbers and balances of your accounts at GTBank"),
            (
                [.transactions],
                "names, numbers and transactions of your accounts at GTBank (transactions up to 24 months back)"
            ),
            (
                [.balance, .transactions],
                "names, numbers, balances and transactions of your accounts at GTBank "
                    + "(transactions up to 24 months back)"
            ),
            ([.identity], "names and numbers of your accounts at GTBank, and who you are there,"),
            ([.balance, .identity], "names, numbers and balances of your accounts at GTBank, and who you are there,"),
            (
                [.transactions, .identity],
                "names, numbers and transactions of your accounts at GTBank (transactions up to 24 months back), "
                    + "and who you are there,"
            ),
            (
                [.balance, .transactions, .identity],
                "names, numbers, balances and transactions of your accounts at GTBank "
                    + "(transactions up to 24 months back), and who you are there,"
            ),
        ] as [(Set<Product>, String)])
    func sentence(products: Set<Product>, said: String) {
        let expected = "You allow Acme Shop to read the " + said + Self.end
        for always in [[], [.auth, .accounts]] as [Set<Product>] {
            let text = ConsentText.sentence(
                products: products.union(always), historyMonths: 24, business: "Acme Shop", bank: "GTBank")
            #expect(text == expected)
        }
    }

    @Test("one month is a month, and a bank that is chosen later is not named")
    func later() {
        let text = ConsentText.sentence(
            products: [.transactions], historyMonths: 1, business: "Acme Shop", bank: nil)
        #expect(text.contains("at the bank that you choose (transactions up to 1 month back) until"))
    }
}
