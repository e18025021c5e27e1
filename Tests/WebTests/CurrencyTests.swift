import Domain
import Storage
import TestKit
import Testing

@Suite("Currencies in replies")
struct CurrencyTests {
    @Test(
        "amounts are shown with the decimals of their own currency", arguments: [("JPY", "123456"), ("KWD", "123.456")])
    func decimals(code: String, text: String) async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                try await database.write { tx in
                    try tx.db.run("UPDATE account_transaction SET currency = $1, amount_minor = 123456", [.text(code)])
                    try tx.db.run(
                        "UPDATE account SET currency = $1, ledger_minor = 123456, available_minor = 123456",
                        [.text(code)])
                }
                let rows = try await server.post("transactions/getByAccount", "{\"account\":\"{account}\"}")
                #expect(rows.text.contains("\"credit\":\(text),"), "\(rows.text.prefix(600))")
                let balance = try await server.post("balance/getById", "{\"id\":\"{balance}\"}")
                #expect(balance.text.contains("\"ledger_balance\":\(text),"), "\(balance.text.prefix(600))")
            }
        }
    }
}
