import ArgumentParser
import Connectors
import Domain
import Engine

struct SandboxCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sandbox", abstract: "The sandbox bank: customers, transactions, scenarios, clock.",
        subcommands: [Generate.self, Post.self, SandboxScenarioCommand.self, Clock.self])

    struct Generate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make random customers.")
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions
        @Option(help: "How many, at most 10.") var number: Int = 1

        func run() async throws {
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                try composition.services.sandbox.requireSandbox(environment)
                let made = try await composition.services.sandbox.customers.generate(
                    number: number, environmentID: environment.id)
                for customer in made {
                    let draft = customer.draft
                    Console.say("\(customer.institution)  \(draft.username)  \(draft.password)  \(draft.name)")
                }
            }
        }
    }

    struct Post: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Post a transaction now; the bank pushes it to the server that runs.")
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions
        @Option(help: "The user name at the bank.") var username: String
        @Option(help: "The bank's slug, where the user has several.") var bank: String?
        @Option(help: "The account's number; by default the user's first account.") var account: String?
        @Option(help: "Naira, such as 4500 or -120.50; + comes in.") var amount: String
        @Option(help: "The text on the statement.") var narration: String = "TRF FROM KUBEWA DEMO"
        @Option(help: "nip, pos, ussd, atm or another word.") var channel: String = "nip"

        func run() async throws {
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                let money: Money
                do throws(MoneyError) {
                    money = try Money(parsing: amount, currency: .ngn)
                } catch {
                    throw DomainError.invalid("--amount", "must be naira such as 4500 or -120.50: \(error).")
                }
                let order = SandboxOrder(
                    institution: bank, username: username, accountNumber: account, amountMinor: money.minor,
                    narration: narration, channel: channel)
                let posted: SandboxPosted
                do {
                    posted = try await composition.services.sandbox.post(order, in: environment)
                } catch let error as DomainError {
                    throw error.renaming([
                        "institution": "--bank", "amount_minor": "--amount", "account": "--account",
                        "username": "--username",
                    ])
                }
                Console.say(
                    "posted \(money.decimal) NGN; the balance is "
                        + "\(Money.decimal(minor: posted.balanceMinor, scale: 2)) NGN; \(posted.pushes.count) pushed")
            }
        }
    }

    struct Clock: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the sandbox's clock, or move it forward. A running server does what falls due.")
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions
        @Option(help: "Days to move forward.") var advanceDays: Int?

        func run() async throws {
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                var view = try await composition.services.sandbox.clock(environment)
                if let days = advanceDays {
                    view = try await composition.services.sandbox.advance(
                        environment, byMs: Int64(days) * Instant.dayMs)
                }
                Console.say(Self.line(view))
                guard advanceDays != nil else { return }
                try await watch(view, environment, composition.services.sandbox)
            }
        }

        private static func line(_ view: ClockView) -> String {
            view.target.map { "\(view.now.iso), on the way to \($0.iso), \(view.runs) runs" } ?? view.now.iso
        }

        /// Tells where the clock is until it has arrived. Nothing is awaited of a server that does not run.
        private func watch(_ first: ClockView, _ environment: Domain.Environment, _ sandbox: SandboxService)
            async throws
        {
            let runtime = SystemRuntime()
            let giveUp = runtime.now() + Self.patienceMs
            var (view, hasMoved) = (first, false)
            while view.isAdvancing {
                try await runtime.sleep(until: runtime.now() + Self.pollMs)
                let next = try await sandbox.clock(environment)
                // The clock goes on by itself too; a server moves it in jumps.
                let hasJumped = next.now - view.now > Self.patienceMs
                if hasJumped || next.runs != view.runs || !next.isAdvancing {
                    hasMoved = true
                    Console.say(
                        next.isAdvancing ? Self.line(next) : "\(next.now.iso), arrived after \(next.runs) runs")
                }
                view = next
                if !hasMoved, runtime.now() > giveUp {
                    return Console.say("no server has moved it yet; the way goes on when `kubewa serve` runs")
                }
            }
        }

        private static let pollMs: Int64 = 500
        private static let patienceMs: Int64 = 15_000
    }
}
