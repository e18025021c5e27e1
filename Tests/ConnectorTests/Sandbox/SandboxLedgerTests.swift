import Domain
import TestKit
import Testing

@testable import Connectors

/// Pure: what the bank computes, without a database.
struct SandboxLedgerTests {
    private static let created = Instant(ms: 1_705_309_200_000)

    private func persona(
        _ username: String, kind: SandboxCustomer.Kind = .ind, volume: SandboxCustomer.Volume = .medium,
        accounts: Int = 3, identity: Int = 100, bankSeed: UInt64 = 1, at created: Instant = created
    ) throws -> SandboxPersona {
        let bank = try #require(InstitutionCatalog.find("zenith-bank"))
        var draft = SandboxDraft(
            name: "Chidi Okafor", bank: bank.slug, username: username, password: "x", accountCount: accounts, kind: kind
        )
        draft.volume = volume
        draft.identity = identity
        let customer = SandboxCustomer(
            id: ID(trusted: "000000000000000000000001"), draft: draft, institution: bank.slug, createdAt: created)
        let user = SandboxUser(environmentID: 7, institution: bank.slug, username: username)
        return try #require(
            SandboxPersona(user, bank, script: nil, customer: customer, openedAt: created, bankSeed: bankSeed))
    }

    private func statement(
        _ persona: SandboxPersona, _ account: SandboxAccount, at now: Instant, _ history: SandboxHistory = .init()
    ) -> SandboxStatement {
        SandboxStatement(account, of: persona, history, at: now, SandboxShow(), SandboxTotals())
    }

    private func all(_ persona: SandboxPersona, _ account: SandboxAccount, at now: Instant) -> [SandboxEntry] {
        let window = DayWindow(from: account.ledger.epoch, to: now.day())
        return statement(persona, account, at: now).entries(in: window, after: nil, limit: .max)
    }

    @Test(
        "on every day of 24 months the balance is the running sum, and never below zero",
        arguments: SandboxCustomer.Kind.allCases, SandboxCustomer.Volume.allCases)
    func balances(_ kind: SandboxCustomer.Kind, _ volume: SandboxCustomer.Volume) throws {
        for number in 0..<3 {
            let persona = try persona("user\(number)", kind: kind, volume: volume)
            for account in persona.accounts {
                let rows = all(persona, account, at: Self.created)
                var sum = account.ledger.openingMinor
                var sums: [LocalDate: Int64] = [:]
                for row in rows.reversed() {
                    sum += row.amountMinor
                    #expect(row.runningMinor == sum)
                    #expect(sum > 0)
                    sums[row.day] = sum
                }
                let totals = SandboxTotals()
                var expected = account.ledger.openingMinor
                var day = account.ledger.epoch
                while day < Self.created.day() {
                    expected = sums[day] ?? expected
                    let evening = day.adding(days: 1).start() + -1
                    let then = SandboxStatement(
                        account, of: persona, SandboxHistory(), at: evening, SandboxShow(), totals
                    ).balance
                    #expect(then.ledgerMinor == expected && then.availableMinor == expected, "\(day)")
                    day = day.adding(days: 1)
                }
            }
        }
    }

    @Test("the same seed gives the same rows, another seed others")
    func deterministic() throws {
        func rows(_ username: String, _ seed: UInt64) throws -> [SandboxEntry] {
            let persona = try persona(username, bankSeed: seed)
            return all(persona, persona.accounts[0], at: Self.created)
        }
        let first = try rows("amaka", 1)
        #expect(try rows("amaka", 1) == first)
        #expect(try rows("amaka", 2) != first)
        #expect(try rows("bello", 1) != first)
    }

    @Test("a day's rows do not change as time goes on; today's come when their time has passed")
    func immutable() throws {
        let persona = try persona("amaka", volume: .high)
        let account = persona.accounts[0]
        let later = all(persona, account, at: Self.created + 45 * Instant.dayMs)
        var seen = 0
        for hour in 0..<48 {
            let now = Self.created + Int64(hour) * 3_600_000
            let rows = all(persona, account, at: now)
            #expect(rows == later.filter { $0.instant <= now })
            #expect(rows.count >= seen)
            seen = rows.count
        }
    }

    @Test("24 months of rows come in pages that are the whole")
    func paged() throws {
        let persona = try persona("amaka", volume: .high)
        let account = persona.accounts[0]
        let whole = all(persona, account, at: Self.created)
        let statement = statement(persona, account, at: Self.created)
        let window = DayWindow(from: account.ledger.epoch, to: Self.created.day())
        for limit in [1, 7, 200] {
            var rows: [SandboxEntry] = []
            while rows.count < (limit == 1 ? 60 : whole.count) {
                let page = statement.entries(in: window, after: rows.last?.key, limit: limit)
                if page.isEmpty { break }
                rows += page
            }
            #expect(rows == Array(whole.prefix(rows.count)) && rows.count >= min(60, whole.count))
        }
        #expect(Set(whole.map(\.id)).count == whole.count)
    }

    @Test("the history begins 24 months before the customer was made")
    func epoch() throws {
        #expect(SandboxLedger.epoch(createdOn: try #require(LocalDate("2024-01-15"))).iso == "2022-01-15")
        #expect(SandboxLedger.epoch(createdOn: try #require(LocalDate("2024-02-29"))).iso == "2022-02-28")
        let persona = try persona("amaka", volume: .high)
        let rows = all(persona, persona.accounts[0], at: Self.created)
        #expect(rows.last?.day.iso ?? "" >= "2022-01-15" && rows.last?.day.iso ?? "" <= "2022-01-20")
    }

    @Test("volume decides how much happens")
    func volumes() throws {
        var counts: [Int] = []
        for volume in SandboxCustomer.Volume.allCases {
            let persona = try persona("amaka", volume: volume)
            counts.append(all(persona, persona.accounts[0], at: Self.created).count)
        }
        #expect((300...1_500).contains(counts[0]), "\(counts)")
        #expect((1_800...4_500).contains(counts[1]), "\(counts)")
        #expect((5_500...14_000).contains(counts[2]), "\(counts)")
    }

    @Test("a person's two years have salary, transfers, cards, bills, fees and reversals, as banks write them")
    func plausible() throws {
        let persona = try persona("amaka", volume: .high)
        let rows = all(persona, persona.accounts[0], at: Self.created)
        for start in [
            "SALARY ", "NIP/", "NIP TRF TO ", "MOB TRF TO ", "USSD TRF *", "POS PUR @ ", "WEB PUR @ ", "ATM WDL @ ",
            "AIRTIME/", "DATA/", "BILLS/DSTV", "BILLS/", "RVSL/NIP/", "NIP TRANSFER COMMISSION + VAT",
            "ELECTRONIC MONEY TRANSFER LEVY", "SMS ALERT CHARGES", "DEBIT CARD MAINTENANCE",
        ] {
            #expect(rows.contains { $0.text.narration.hasPrefix(start) }, "\(start)")
        }
        let salaries = rows.filter { $0.text.code == "SAL" }
        #expect((23...25).contains(salaries.count))
        #expect(salaries.allSatisfy { $0.day.weekday < 5 && (23...28).contains($0.day.civil.day) })
        for row in rows {
            #expect(row.text.narration.utf8.count <= 100 && row.amountMinor != 0)
            if row.text.channel == "nip" { #expect(row.text.reference?.utf8.count == 30) }
        }
    }

    @Test("a reversal gives back what its transfer took, to the same name")
    func reversals() throws {
        let persona = try persona("amaka", volume: .high)
        let rows = all(persona, persona.accounts[0], at: Self.created)
        let reversals = rows.filter { $0.text.code == "RVS" }
        #expect(!reversals.isEmpty)
        for reversal in reversals {
            let transfer = rows.first {
                $0.amountMinor == -reversal.amountMinor && $0.text.counterparty == reversal.text.counterparty
                    && $0.day == reversal.day && $0.instant <= reversal.instant
            }
            #expect(transfer != nil, "\(reversal)")
        }
    }

    @Test("an identity has as many members as asked, a company no BVN")
    func identities() throws {
        var counts: [Int] = []
        for percent in [1, 10, 30, 60, 75, 100] {
            counts.append(SandboxIdentity.members(of: try persona("amaka", identity: percent)).count)
        }
        #expect(counts == [1, 2, 7, 14, 18, 24])
        let person = SandboxIdentity.members(of: try persona("amaka")).map(\.name)
        #expect(person.contains("bvn") && person.contains("nin"))
        let company = SandboxIdentity.members(of: try persona("amaka", kind: .corp)).map(\.name)
        #expect(!company.contains("bvn") && !company.contains("nin") && !company.contains("dob"))
        let bvn = SandboxIdentity.members(of: try persona("amaka")).first { $0.name == "bvn" }?.value.text ?? ""
        #expect(bvn.count == 11 && bvn.hasPrefix("22"))
    }

    @Test("a posted transaction lies between the computed ones, and the sums go on from it")
    func posted() throws {
        let persona = try persona("amaka", volume: .high)
        let account = persona.accounts[0]
        let posting = SandboxPosting(
            id: ID(trusted: "0000000000000000000000aa"), accountNumber: account.number, institution: "zenith-bank",
            amountMinor: 123_45, narration: "GIFT", channel: "nip", postedAt: Self.created)
        let later = Self.created + 40 * Instant.dayMs
        let history = SandboxHistory(postings: [posting])
        let with = statement(persona, account, at: later, history)
        let without = statement(persona, account, at: later)
        #expect(with.balance.ledgerMinor == without.balance.ledgerMinor + 123_45)
        let window = DayWindow(from: Self.created.day().adding(days: -10), to: later.day())
        let rows = with.entries(in: window, after: nil, limit: .max)
        let plain = without.entries(in: window, after: nil, limit: .max)
        #expect(rows.count == plain.count + 1 && rows.first?.runningMinor == with.balance.ledgerMinor)
        for (newer, older) in zip(rows, rows.dropFirst()) {
            #expect(newer.key > older.key)
            #expect((newer.runningMinor ?? 0) - (older.runningMinor ?? 0) == newer.amountMinor)
        }
        #expect(rows.filter { $0.instant < Self.created } == plain.filter { $0.instant < Self.created })
    }
}
