import Connectors
import Domain

/// What every connector must do, whatever protocol it speaks. A test gives a bank with one linkable user and expects
/// no findings.
public struct ConnectorConformance: Sendable {
    /// A connector to the bank, through a transport that goes wrong when a fault is given.
    public typealias Make = @Sendable (TransportFault?) -> any Connector

    private let make: Make
    private let context: ConnectorContext
    private let answers: [StepAnswer]
    private let wrongAnswer: StepAnswer
    private let secrets: [String]

    /// - Parameters:
    ///   - context: of an institution that the connector serves, now.
    ///   - answers: what links the user, in order.
    ///   - wrongAnswer: what the first step refuses.
    ///   - secrets: what no error may show.
    public init(
        context: ConnectorContext, answers: [StepAnswer], wrongAnswer: StepAnswer, secrets: [String],
        make: @escaping Make
    ) {
        self.context = context
        self.answers = answers
        self.wrongAnswer = wrongAnswer
        self.secrets = secrets
        self.make = make
    }

    /// One rule and what was found against it.
    public struct Result: Sendable, Equatable {
        public let rule: String
        /// A sentence for each that failed; nil when an earlier failure left nothing to try it on.
        public var findings: [String]?
        public var isKept: Bool { findings == [] }
    }

    /// What every connector does, in the order in which it is tried.
    public static let rules = [
        "describes itself", "links, and the same answer twice is one", "goes on after a restart",
        "asks again after a wrong answer", "lists accounts and balances", "gives pages whole, in order, twice the same",
        "keeps to its window", "tells faults of the bank apart", "knows its accounts", "identifies the same person",
        "makes incomes and statements whole, or has none",
        "hands over what data calls answered", "renews and ends access", "refuses unsigned pushes",
    ]

    /// Runs every check.
    /// - Returns: one sentence for each that failed.
    public func findings() async -> [String] {
        await results().flatMap { $0.findings ?? ["could not be tried: \($0.rule)"] }
    }

    /// Runs every check and tells each rule by itself, in the order of `rules`.
    public func results() async -> [Result] {
        var report = Report()
        do {
            try await describesItself(&report)
            report.next()
            let linked = try await links(&report)
            report.next()
            try await resumes(&report)
            report.next()
            try await asksAgain(&report)
            report.next()
            try await listsAccounts(linked, &report)
            report.next()
            for account in linked.accounts { try await pages(linked.grant, account, &report) }
            report.next()
            try await keepsWindows(linked, &report)
            report.next()
            try await tellsFaults(linked, &report)
            report.next()
            try await knowsItsAccounts(linked, &report)
            report.next()
            try await identifies(linked.grant, &report)
            report.next()
            try await reports(linked, &report)
            report.next()
            try await handsOver(linked, &report)
            report.next()
            try await renewsAndEnds(&report)
            report.next()
            try await checksPushes(&report)
        } catch {
            report.add("a call that should succeed failed: \(error)")
        }
        // What was not reached is not kept.
        let missed = Self.rules.dropFirst(report.results.count).map { Result(rule: $0, findings: nil) }
        return report.results + missed
    }

    private struct Report {
        private(set) var results = [Result(rule: ConnectorConformance.rules[0], findings: [])]
        mutating func next() {
            results.append(Result(rule: ConnectorConformance.rules[results.count], findings: []))
        }
        mutating func add(_ finding: String) { results[results.count - 1].findings?.append(finding) }
        mutating func expect(_ isSo: Bool, _ finding: @autoclosure () -> String) { if !isSo { add(finding()) } }
    }

    private var connector: any Connector { make(nil) }
    private var request: LinkRequest {
        LinkRequest(
            products: Set(Product.allCases), returnURL: "https://kubewa.example/link/return/4f1e2d3c4b5a69788796",
            reference: "4f1e2d3c4b5a69788796", pushURL: "http://127.0.0.1:1/push", business: "Acme")
    }

    // MARK: linking

    private func describesItself(_ report: inout Report) async throws {
        let descriptor = connector.descriptor
        report.expect(!descriptor.id.isEmpty, "the descriptor has no id")
        let serves = descriptor.institutions.isEmpty || descriptor.institutions.contains(context.institution)
        report.expect(serves, "the institution is not served")
        report.expect(!descriptor.environments.isEmpty, "no environment is served")
        report.expect(descriptor.capabilities.windowDaysMax > 0, "no window is possible")
        report.expect(descriptor.capabilities.historyMonthsMax > 0, "no history is possible")
        let health = await connector.health(institution: context.institution, context)
        report.expect(health == .healthy, "the bank is \(health)")
    }

    private func links(_ report: inout Report) async throws -> LinkedAccess {
        var progress = try await connector.beginLink(request, context)
        for (number, answer) in answers.enumerated() {
            report.expect(progress.linked == nil, "linked before answer \(number + 1)")
            let before = progress.state
            progress = try await connector.continueLink(before, answer, context)
            let again = try await connector.continueLink(before, answer, context)
            report.expect(
                Self.isSame(progress.step, again.step), "the same answer twice gives \(progress.step) and \(again.step)"
            )
            report.expect(progress.state.count <= 64 * 1024, "the state has \(progress.state.count) bytes")
            let secret = secrets.first { Self.contains(progress.state, $0) }
            report.expect(secret == nil, "the state holds a secret")
        }
        guard progress.step == .done, let linked = progress.linked else {
            report.add("all answers given, and the step is \(progress.step)")
            throw ConnectorError(.protocolViolation)
        }
        report.expect(!linked.accounts.isEmpty, "linked without an account")
        report.expect(Set(linked.accounts.map(\.upstreamID)).count == linked.accounts.count, "account ids repeat")
        report.expect(!linked.grant.bytes.isEmpty, "the grant is empty")
        if connector.descriptor.capabilities.pushes {
            report.expect(linked.upstreamUserID != nil, "pushes cannot be matched without an upstream user")
        }
        return linked
    }

    private static func isSame(_ left: Step, _ right: Step) -> Bool {
        switch (left, right) {
        case (.form(let a), .form(let b)): a.name == b.name && a.fields == b.fields
        default: left == right
        }
    }

    private static func contains(_ bytes: [UInt8], _ text: String) -> Bool {
        String(decoding: bytes, as: UTF8.self).contains(text)
    }

    /// Each step by a connector of its own, as after a restart.
    private func resumes(_ report: inout Report) async throws {
        var progress = try await make(nil).beginLink(request, context)
        for answer in answers { progress = try await make(nil).continueLink(progress.state, answer, context) }
        report.expect(progress.linked != nil, "linking does not survive a restart between its steps")
        do {
            _ = try await connector.continueLink(Array("not a state".utf8), answers[0], context)
            report.add("a damaged state is accepted")
        } catch {
            check(error, &report)
        }
    }

    private func asksAgain(_ report: inout Report) async throws {
        let begun = try await connector.beginLink(request, context)
        do {
            let progress = try await connector.continueLink(begun.state, wrongAnswer, context)
            switch progress.step {
            case .form(let form): report.expect(form.problem != nil, "a refused answer is asked again without a word")
            case .upload(let file): report.expect(file.problem != nil, "a refused file is asked again without a word")
            case .failed(let error): check(error, &report)
            default: report.add("a wrong answer gives \(progress.step)")
            }
            report.expect(progress.linked == nil, "a wrong answer links")
            let empty = try await connector.continueLink(begun.state, StepAnswer(), context)
            report.expect(empty.linked == nil && empty.step != .done, "an empty answer links")
        } catch {
            report.add("a wrong answer throws \(error) where it should ask again or fail")
        }
    }

    // MARK: data

    private func listsAccounts(_ linked: LinkedAccess, _ report: inout Report) async throws {
        let accounts = try await connector.listAccounts(linked.grant, context)
        report.expect(accounts == linked.accounts, "the accounts differ from those of linking")
        for account in accounts {
            let balance = try await connector.balance(linked.grant, account: account.upstreamID, context)
            report.expect(balance.asOf <= context.now + Instant.dayMs, "a balance is of the future")
            for money in [balance.ledger, balance.available].compactMap({ $0 }) {
                report.expect(money.currency == account.currency, "a balance is in \(money.currency)")
            }
        }
    }

    /// All pages of the latest window: whole, in order, nothing twice, and each page again from its cursor.
    private func pages(_ grant: Grant, _ account: FetchedAccount, _ report: inout Report) async throws {
        let days = connector.descriptor.capabilities.windowDaysMax
        let today = context.now.day()
        let window = DayWindow(from: today.adding(days: 1 - days), to: today)
        let rows = try await walk(grant, account.upstreamID, window, &report)
        let ids = rows.compactMap(\.upstreamID)
        report.expect(Set(ids).count == ids.count, "an id is on two rows")
        for (newer, older) in zip(rows, rows.dropFirst()) {
            report.expect(newer.bookedOn >= older.bookedOn, "\(older.bookedOn) comes after \(newer.bookedOn)")
        }
        for row in rows {
            report.expect(row.amount.minor != 0, "an amount is 0")
            report.expect(row.amount.currency == account.currency, "an amount is in \(row.amount.currency)")
            report.expect(row.status != .removed, "a bank cannot say removed")
            report.expect(!row.text.isEmpty, "a row has no text")
        }
        let again = try await walk(grant, account.upstreamID, window, &report)
        report.expect(rows == again, "the same window gives other rows")
        // Balances make amounts exact: what lies between two of them is the row's amount.
        let booked = rows.filter { $0.status == .booked }
        for (newer, older) in zip(booked, booked.dropFirst()) {
            guard let after = newer.runningBalance, let before = older.runningBalance else { continue }
            report.expect(
                after.minor - before.minor == newer.amount.minor,
                "\(newer.text): \(before.decimal) and \(newer.amount.decimal) are not \(after.decimal)")
        }
        var halves: [FetchedTransaction] = []
        let middle = today.adding(days: -days / 2)
        for part in [DayWindow(from: middle, to: today), DayWindow(from: window.from, to: middle.adding(days: -1))] {
            halves += try await walk(grant, account.upstreamID, part, &report)
        }
        report.expect(halves == rows, "two halves of a window are not the window")
    }

    private func walk(
        _ grant: Grant, _ account: String, _ window: DayWindow, _ report: inout Report
    ) async throws -> [FetchedTransaction] {
        var rows: [FetchedTransaction] = []
        var cursor: String?
        for _ in 0..<200 {
            let page = try await connector.transactions(
                grant, account: account, window: window, cursor: cursor, context)
            if cursor != nil {
                // A page can be asked for again, by another process.
                let again = try await make(nil).transactions(
                    grant, account: account, window: window, cursor: cursor, context)
                report.expect(again == page, "a cursor gives another page the second time")
            }
            report.expect(!page.rows.isEmpty || page.nextCursor == nil, "an empty page goes on")
            let outside = page.rows.first { !window.contains($0.bookedOn) }
            report.expect(outside == nil, "a row lies outside its window")
            rows += page.rows
            cursor = page.nextCursor
            if cursor == nil { return rows }
        }
        report.add("the pages have no end")
        return rows
    }

    private func keepsWindows(_ linked: LinkedAccess, _ report: inout Report) async throws {
        let account = linked.accounts[0].upstreamID
        let far = context.now.day().adding(days: 400)
        let future = try await connector.transactions(
            linked.grant, account: account, window: DayWindow(from: far, to: far), cursor: nil, context)
        report.expect(future.rows.isEmpty && future.nextCursor == nil, "the future has rows")
    }

    private func knowsItsAccounts(_ linked: LinkedAccess, _ report: inout Report) async throws {
        do {
            _ = try await connector.balance(linked.grant, account: "nosuchaccount", context)
            report.add("an unknown account has a balance")
        } catch {
            report.expect(error.code == .accountNotFound, "an unknown account gives \(error.code)")
            check(error, &report)
        }
    }

    /// What the bank answered comes along as it came, from calls that fetch data and from no others.
    private func handsOver(_ linked: LinkedAccess, _ report: inout Report) async throws {
        guard let account = linked.accounts.first else { return }
        let payloads = RawPayloads()
        var context = context
        context.payloads = payloads
        _ = await connector.health(institution: context.institution, context)
        _ = try await connector.beginLink(request, context)
        report.expect(payloads.all.isEmpty, "a call that fetches no data hands an answer over")
        _ = try await connector.balance(linked.grant, account: account.upstreamID, context)
        let today = context.now.day()
        _ = try await connector.transactions(
            linked.grant, account: account.upstreamID, window: DayWindow(from: today, to: today), cursor: nil, context)
        // What a person uploaded is not kept twice.
        let expected = connector.descriptor.access == .statement ? 0 : 2
        let count = payloads.all.count
        report.expect(count == expected, "\(count) answers came along with two calls for data")
        report.expect(payloads.all.allSatisfy { !$0.body.isEmpty && !$0.operation.isEmpty }, "an answer is empty")
        for secret in secrets {
            let isTold = payloads.all.contains { Self.contains($0.body, secret) }
            report.expect(!isTold, "an answer that is kept tells a secret")
        }
    }

    private func identifies(_ grant: Grant, _ report: inout Report) async throws {
        guard connector.descriptor.capabilities.products.contains(.identity) else { return }
        let first = try await connector.identity(grant, context)
        let second = try await connector.identity(grant, context)
        report.expect(first == second, "the identity changes from call to call")
    }

    /// What it says that it has, it has of its own accounts alone; what it does not say is `unsupported`.
    private func reports(_ linked: LinkedAccess, _ report: inout Report) async throws {
        guard let account = linked.accounts.first else { return }
        let stated = connector.descriptor.capabilities
        for id in [account.upstreamID, "nosuchaccount"] {
            let wanted = id == account.upstreamID ? nil : ConnectorError.Code.accountNotFound
            do throws(ConnectorError) {
                let answer = try await connector.income(linked.grant, account: id, months: 3, context)
                report.expect(stated.offersIncome && wanted == nil, "an income comes of \(id)")
                if case .ready(let details) = answer {
                    report.expect(details.currency ?? account.currency == account.currency, "an income is of \(answer)")
                }
            } catch {
                report.expect(error.code == (stated.offersIncome ? wanted : .unsupported), "income gives \(error)")
                check(error, &report)
            }
            do throws(ConnectorError) {
                let rows = try await connector.statement(linked.grant, account: id, months: 1, context)
                report.expect(stated.offersStatement && wanted == nil, "a statement comes of \(id)")
                let again = try await connector.statement(linked.grant, account: id, months: 1, context)
                report.expect(rows == again, "the same statement has other rows")
                let ids = rows.compactMap(\.upstreamID)
                report.expect(Set(ids).count == ids.count, "an id is on two rows of a statement")
                let isForeign = rows.contains { $0.amount.currency != account.currency }
                report.expect(!isForeign, "a statement has rows in another currency")
                report.expect(rows.allSatisfy { $0.status == .booked }, "a statement has rows that are not booked")
            } catch {
                let isRight = error.code == (stated.offersStatement ? wanted : .unsupported)
                report.expect(isRight, "a statement gives \(error)")
                check(error, &report)
            }
        }
    }

    // MARK: trouble

    /// What the transport does, and the codes that may come of it.
    private static let faults: [(fault: TransportFault, codes: Set<ConnectorError.Code>)] = [
        (.cannotConnect, [.providerUnavailable]), (.timedOut, [.providerUnavailable]),
        (.brokenOff, [.providerUnavailable, .protocolViolation]), (.halfBody, [.protocolViolation]),
        (.html(status: 200), [.protocolViolation]), (.html(status: 502), [.providerUnavailable]),
        (.reply(status: 200, headers: [:], body: ""), [.protocolViolation]),
        (.reply(status: 200, headers: [:], body: "[]"), [.protocolViolation]),
        (.reply(status: 200, headers: [:], body: "{}"), [.protocolViolation]),
        (.reply(status: 429, headers: ["Retry-After": "17"], body: "{}"), [.rateLimited]),
        (.reply(status: 500, headers: [:], body: "{}"), [.providerUnavailable]),
    ]

    private func tellsFaults(_ linked: LinkedAccess, _ report: inout Report) async throws {
        let account = linked.accounts[0].upstreamID
        let today = context.now.day()
        for (fault, codes) in Self.faults {
            let broken = make(fault)
            var errors: [ConnectorError] = []
            do throws(ConnectorError) {
                _ = try await broken.listAccounts(linked.grant, context)
                report.add("\(fault): accounts come all the same")
            } catch { errors.append(error) }
            do throws(ConnectorError) {
                _ = try await broken.balance(linked.grant, account: account, context)
                report.add("\(fault): a balance comes all the same")
            } catch { errors.append(error) }
            do throws(ConnectorError) {
                let window = DayWindow(from: today.adding(days: -20), to: today)
                let page = try await broken.transactions(
                    linked.grant, account: account, window: window, cursor: nil, context)
                report.add("\(fault): a page of \(page.rows.count) rows comes all the same")
            } catch { errors.append(error) }
            for error in errors {
                report.expect(codes.contains(error.code), "\(fault) gives \(error.code.rawValue)")
                if error.code == .rateLimited {
                    report.expect(error.retryAfterSeconds == 17, "Retry-After is lost")
                }
                check(error, &report)
            }
            let health = await broken.health(institution: context.institution, context)
            report.expect(health != .healthy, "\(fault): the bank is called healthy")
        }
    }

    private func check(_ error: ConnectorError, _ report: inout Report) {
        let shown = "\(error) \(error.message) \(error.upstreamCode ?? "") \(String(reflecting: error))"
        if secrets.contains(where: { shown.contains($0) }) { report.add("an error shows a secret") }
        if shown.contains("<html") { report.add("an error shows the bank's body") }
    }

    // MARK: access

    private func renewsAndEnds(_ report: inout Report) async throws {
        var progress = try await connector.beginLink(request, context)
        for answer in answers { progress = try await connector.continueLink(progress.state, answer, context) }
        guard var grant = progress.linked?.grant else { return report.add("the second linking gives no access") }
        for round in 1...3 {
            grant = try await connector.refreshAuth(grant, context)
            let accounts = try await connector.listAccounts(grant, context)
            report.expect(accounts == progress.linked?.accounts, "renewed access (\(round)) shows other accounts")
        }
        try await connector.revoke(grant, context)
        try await connector.revoke(grant, context)
        do {
            _ = try await connector.listAccounts(grant, context)
            report.add("revoked access still works")
        } catch {
            report.expect(error.recovery == .askUser, "revoked access gives \(error.code)")
            check(error, &report)
        }
    }

    private func checksPushes(_ report: inout Report) async throws {
        guard connector.descriptor.capabilities.pushes else { return }
        do {
            let events = try connector.handleUpstreamWebhook(
                headers: [], body: Array("{}".utf8), settings: context.settings)
            report.add("an unsigned push gives \(events)")
        } catch {
            report.expect(error.code == .accessDenied, "an unsigned push gives \(error.code)")
        }
    }
}
