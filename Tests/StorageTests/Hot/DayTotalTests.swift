import Domain
import TestKit
import Testing

@testable import Storage

@Suite("Totals of lists")
struct DayTotalTests {
    private static let numbers: [Int64] = [
        .max, .min, .max - 1, .min + 1, 0, 1, -1, Money.takenMinorMax, -Money.takenMinorMax, 4_611_686_018_427_387_904,
    ]

    /// What a sum is that stays at the ends of 64 bits.
    private func sum(_ left: Int64, _ right: Int64) -> Int64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? (right < 0 ? -Int64.max : .max) : max(sum, -Int64.max)
    }

    @Test("a list's sum stays whole at the end of 64 bits, whatever is added, and no other list's fails with it")
    func clamped() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let id = world.scope.environmentID
            var (credit, debit, count): (Int64, Int64, Int64) = (0, 0, 0)
            for step in 0..<120 {
                let first = Self.numbers[(step * 7 + step / 10) % Self.numbers.count]
                let second = Self.numbers[(step * 3 + step / 7) % Self.numbers.count]
                try await database.write { tx in
                    tx.count(
                        "poisoned", of: id, on: "2024-01-02", Total(count: 1, creditMinor: first, debitMinor: second))
                    tx.count("honest", of: id, on: "2024-01-02", Total(count: 1, creditMinor: 5, debitMinor: 2))
                }
                // As the transaction adds it to nothing first.
                credit = sum(credit, sum(0, first))
                debit = sum(debit, sum(0, second))
                count += 1
                for day in ["2024-01-02", DayTotals.everyDay] {
                    let found = try await database.read { db in
                        try db.query(
                            """
                            SELECT count, credit_minor, debit_minor FROM day_total
                            WHERE environment_id = $1 AND list = 'poisoned' AND day = $2
                            """, [.integer(id), .string(day)]
                        ) { [$0.int(0), $0.int(1), $0.int(2)] }
                    }
                    #expect(found == [[count, credit, debit]], "step \(step): \(first), \(second)")
                }
            }
            let honest = try await database.read { db in
                try db.query(
                    "SELECT count, credit_minor, debit_minor FROM day_total WHERE list = 'honest' AND day <> ''", []
                ) { [$0.int(0), $0.int(1), $0.int(2)] }
            }
            #expect(honest == [[120, 600, 240]])
        }
    }

    @Test("rows of any amount are counted and taken out again without a trap")
    func anyRow() {
        for minor in Self.numbers {
            let one = Total(row: minor)
            #expect(one.count == 1 && one.creditMinor >= 0 && one.debitMinor >= 0)
            #expect(one.creditMinor == 0 || one.debitMinor == 0)
            #expect(one - one == Total())
            for other in Self.numbers {
                var total = one + Total(row: other)
                total -= Total(row: other)
                #expect(total.count == 1)
                total += Total(count: .max, creditMinor: .min, debitMinor: .max)
                total -= Total(count: .min, creditMinor: .min, debitMinor: .min)
            }
        }
    }
}
