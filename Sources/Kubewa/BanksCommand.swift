import ArgumentParser
import Domain
import Engine
import Storage

struct BanksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "banks", abstract: "Health, limits and maintenance of banks.",
        subcommands: [List.self, Set.self, Maintenance.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the banks that are in trouble, have limits, or are planned to be in maintenance.")
        @OptionGroup var data: DataOptions
        @Option(name: .customLong("env"), help: "sandbox or production.")
        var environment: EnvironmentName = .production
        @Flag(help: "Every bank that can be linked.") var all = false

        func run() async throws {
            try await withComposition(data) { composition in
                let banks = composition.services.institutions
                let kind = environment.kind
                var limits: [String: InstitutionLimits] = [:]
                for row in try await banks.limited(kind) { limits[row.institution.slug] = row }
                let planned = try await banks.planned(kind)
                let listed = await banks.list(kind, isMeasuredOnly: true).filter { row in
                    all || row.health != .healthy || limits[row.institution.slug] != nil
                        || planned.contains { $0.institution == row.institution }
                }
                if listed.isEmpty { Console.say("Every bank is healthy and without limits.") }
                for row in listed {
                    Console.say("\(row.institution.slug)  \(row.institution.name)  \(row.healthName)")
                    if let limits = limits[row.institution.slug] { Console.say(BankText.text(limits)) }
                    for plan in planned where plan.institution == row.institution {
                        Console.say("  maintenance    " + BankText.text(plan))
                    }
                }
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Limit how a bank is asked. What is left out stays; `none` goes back to the connector's limit.")
        @OptionGroup var data: DataOptions
        @Argument(help: "The bank's slug or id.") var institution: String
        @Option(name: .customLong("env"), help: "sandbox or production.")
        var environment: EnvironmentName = .production
        @Option(help: "Calls in a time over all nodes: 10/1s, 300/60s, 5000/1h, or none.") var rate: String?
        @Option(help: "Calls at once over all nodes, or none.") var concurrency: String?
        @Option(help: "Calls of one record in a rolling day: total=24 or balance=4,transactions=4, or none.")
        var budget: String?

        func run() async throws {
            try await withComposition(data) { composition in
                let rate = try BankText.rate(rate)
                let concurrency = try BankText.concurrency(concurrency)
                let budget = try BankText.budget(budget)
                let limits = try await composition.services.institutions.set(institution, environment.kind) {
                    if let rate { $0.rate = rate.value }
                    if let concurrency { $0.concurrency = concurrency.value }
                    if let budget { $0.budget = budget.value }
                }
                Console.say("\(limits.institution.slug)  \(limits.institution.name)\n" + BankText.text(limits))
            }
        }
    }

    struct Maintenance: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Plan times in which a bank is not asked.", subcommands: [Plan.self, Cancel.self])

        struct Plan: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "Plan a time, once or again and again.")
            @OptionGroup var data: DataOptions
            @Argument(help: "The bank's slug or id.") var institution: String
            @Option(name: .customLong("env"), help: "sandbox or production.")
            var environment: EnvironmentName = .production
            @Option(help: "Its begin, as 2026-03-01T01:00:00+01:00.") var from: String
            @Option(help: "Its end.") var to: String
            @Option(help: "It comes again after so many days: 7 is weekly.") var everyDays: Int64?
            @Option(help: "Why.") var note: String?

            func run() async throws {
                try await withComposition(data) { composition in
                    guard let starts = Instant(iso: from) else { throw BankText.wrongTime("--from") }
                    guard let ends = Instant(iso: to) else { throw BankText.wrongTime("--to") }
                    if let everyDays, everyDays < 1 { throw DomainError.invalid("--every-days", "must be 1 or more.") }
                    let plan = try await composition.services.institutions.plan(
                        MaintenanceWindow(startsAt: starts, endsAt: ends, everyDays: everyDays, note: note),
                        of: institution, environment.kind)
                    Console.say("\(plan.institution.slug)  \(BankText.text(plan))")
                }
            }
        }

        struct Cancel: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "Take a planned maintenance back.")
            @OptionGroup var data: DataOptions
            @Argument(help: "The number that the plan was given.") var id: Int64

            func run() async throws {
                try await withComposition(data) { composition in
                    try await composition.services.institutions.cancel(id)
                    Console.say("The maintenance is cancelled.")
                }
            }
        }
    }
}

/// Limits as a person writes and reads them.
enum BankText {
    /// What an option says: a new value, or nothing any more.
    struct Change<Value: Sendable>: Sendable { let value: Value? }

    static func rate(_ text: String?) throws -> Change<RateCap>? {
        guard let text else { return nil }
        if text == "none" { return Change(value: nil) }
        let parts = text.split(separator: "/")
        let units: [Character: Int64] = ["s": 1000, "m": 60_000, "h": 3_600_000, "d": Instant.dayMs]
        guard parts.count == 2, let calls = Int(parts[0]), calls > 0, calls <= 1_000_000,
            let unit = parts[1].last.flatMap({ units[$0] }), let count = Int64(parts[1].dropLast()),
            (1...1000).contains(count), count * unit <= 7 * Instant.dayMs
        else {
            throw DomainError.invalid("--rate", "must be as 10/1s, 300/60s or 5000/1h, at most seven days, or none.")
        }
        return Change(value: RateCap(calls: calls, windowMs: count * unit))
    }

    static func concurrency(_ text: String?) throws -> Change<Int>? {
        guard let text else { return nil }
        if text == "none" { return Change(value: nil) }
        guard let count = Int(text), (1...100_000).contains(count) else {
            throw DomainError.invalid("--concurrency", "must be a number from 1 to 100000, or none.")
        }
        return Change(value: count)
    }

    static func budget(_ text: String?) throws -> Change<CallBudget>? {
        guard let text else { return nil }
        if text == "none" { return Change(value: nil) }
        guard let budget = CallBudget(text: text), budget.isLimited else {
            let names = BankOperation.allCases.map(\.rawValue).joined(separator: ", ")
            throw DomainError.invalid(
                "--budget", "must be as total=24 or balance=4,transactions=4, or none. There are: total, \(names).")
        }
        return Change(value: budget)
    }

    static func wrongTime(_ option: String) -> DomainError {
        DomainError.invalid(option, "must be a time such as 2026-03-01T01:00:00+01:00.")
    }

    static func text(_ limits: InstitutionLimits) -> String {
        [
            "  rate           " + (limits.rate.map { "\($0.calls) calls in \($0.windowMs) ms" } ?? "none"),
            "  at once        " + (limits.concurrency.map { "\($0) calls" } ?? "no limit"),
            "  a record a day " + (limits.budget.isLimited ? limits.budget.text : "no limit"),
        ].joined(separator: "\n")
    }

    static func text(_ plan: PlannedMaintenance) -> String {
        let again = plan.window.everyDays.map { ", every \($0) days" } ?? ""
        let note = plan.window.note.map { "  \($0)" } ?? ""
        return "\(plan.id)  \(plan.window.startsAt.iso) to \(plan.window.endsAt.iso)\(again)\(note)"
    }
}
