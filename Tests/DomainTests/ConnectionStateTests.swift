import Domain
import Testing

@Suite("Where a connection stands")
struct ConnectionStateTests {
    private let now = Instant(ms: 1_700_000_000_000)
    private let active = ConnectionState(status: .active)

    private func stopped(_ code: ConnectorError.Code) -> ConnectionState {
        active.after(.failed(code), at: now).state
    }

    @Test("only errors of the person stop it: whatever may go better by itself leaves it active, however often")
    func transientErrorsNeverStop() {
        for code in ConnectorError.Code.allCases where code.recovery != .askUser {
            var state = active
            for _ in 0..<1000 {
                let (next, news) = state.after(.failed(code), at: now)
                #expect(news.isEmpty)
                state = next
            }
            #expect(state.status == .active, "\(code)")
        }
    }

    @Test("a refused login and a locked user stop it at once, and are told once")
    func personsErrorsStop() {
        for code in ConnectorError.Code.allCases where code.recovery == .askUser {
            let (state, news) = active.after(.failed(code), at: now)
            #expect(state.status != .active, "\(code)")
            #expect(state.code == code)
            #expect(state.since == now)
            #expect(news.contains(.reauthRequired))
            #expect(!state.after(.failed(code), at: now + 1).news.contains(.reauthRequired), "\(code) is told twice")
        }
    }

    @Test("every error has one of three classes, and the person's say what the person does")
    func classes() {
        #expect(ConnectorError.Code.invalidCredentials.errorClass == .userAction(.reauthenticate))
        #expect(ConnectorError.Code.userLocked.errorClass == .userAction(.atBank))
        #expect(ConnectorError.Code.userActionRequired.errorClass == .userAction(.atBank))
        #expect(ConnectorError.Code.providerUnavailable.errorClass == .retry)
        #expect(ConnectorError.Code.unsupported.errorClass == .dead)
        for code in ConnectorError.Code.allCases where code.recovery == .askUser {
            #expect(code.errorClass.action != nil, "\(code)")
        }
        for code in ConnectorError.Code.allCases where code.recovery == .retry {
            #expect(code.errorClass == .retry, "\(code)")
        }
    }

    @Test("a bank that serves it again heals it, which is told; one that always did is not told of")
    func heals() {
        let (state, news) = stopped(.reauthRequired).after(.succeeded, at: now + 1)
        #expect(state == active)
        #expect(news == [.repaired])
        #expect(active.after(.succeeded, at: now).news.isEmpty)
        #expect(stopped(.invalidCredentials).after(.repaired, at: now).news == [.repaired])
    }

    @Test("consent that ended is not got back by an answer of the bank")
    func expiredStaysExpired() {
        let (expired, news) = active.after(.consentEnded, at: now)
        #expect(expired.status == .expired)
        #expect(news == [.consentExpired, .reauthRequired])
        #expect(expired.after(.succeeded, at: now).state.status == .expired)
        #expect(expired.after(.consentEnded, at: now).news.isEmpty)
        #expect(expired.trial(by: .bank, at: now + Instant.dayMs) == .never)
    }

    @Test("the end of a consent is told once, whether the bank or the calendar says so first")
    func consentEndsOnce() {
        let byBank = active.after(.failed(.consentExpired), at: now)
        #expect(byBank.news == [.consentExpired, .reauthRequired])
        #expect(byBank.state.after(.consentEnded, at: now).news.isEmpty)
        let waiting = stopped(.reauthRequired).after(.consentEnded, at: now)
        #expect(waiting.news == [.consentExpired], "that the person must log in was told before")
    }

    @Test("a refused login is never tried again for a person, and once more for the bank that says it has data")
    func lockedOutByNobody() {
        for code in ConnectorError.Code.allCases where code.countsAtBank {
            let state = stopped(code)
            #expect(state.trial(by: .person, at: now + 30 * Instant.dayMs) == .never, "\(code)")
            #expect(state.trial(by: .bank, at: now) == .allowed, "\(code)")
            let again = state.after(.failed(code), at: now + 1).state
            #expect(again.trial(by: .bank, at: now + 30 * Instant.dayMs) == .never, "\(code)")
        }
    }

    @Test("a lost token may be tried on demand, each time later than before, and at once for the bank")
    func tokenTrials() {
        var state = stopped(.reauthRequired)
        var last = now
        var wait: Int64 = 0
        for _ in 0..<20 {
            #expect(state.trial(by: .bank, at: last) == .allowed)
            guard case .notBefore(let earliest) = state.trial(by: .person, at: last) else {
                Issue.record("allowed at once")
                return
            }
            #expect(earliest - last >= wait)
            #expect(earliest - last <= ConnectionState.tryAgainMsMax)
            wait = earliest - last
            #expect(state.trial(by: .person, at: earliest) == .allowed)
            last = earliest
            state = state.after(.failed(.reauthRequired), at: last).state
        }
        #expect(wait == ConnectionState.tryAgainMsMax)
        #expect(state.since == now, "it is stopped since the first failure")
    }
}

@Suite("Telling of a consent's end")
struct ConsentNoticesTests {
    private let end = Instant(ms: 1_700_000_000_000)
    private func before(_ days: Int64) -> Instant { end + -days * Instant.dayMs }

    /// What a clock tells that looks at these moments, the first of which is the link.
    private func told(_ looks: [Instant]) -> [ConsentNotices.Notice] {
        var due = ConsentNotices.next(of: end, after: looks[0])
        return looks.dropFirst().compactMap { now in
            let (notice, next) = ConsentNotices.told(due: due, end: end, at: now)
            due = next
            return notice
        }
    }

    @Test("fourteen days before, three days before and at the end, each once")
    func each() {
        let looks = (0...100).map { before(90) + Int64($0) * Instant.dayMs }
        #expect(told(looks) == [.expiring(daysLeft: 14), .expiring(daysLeft: 3), .expired])
        #expect(told(looks.flatMap { [$0, $0, $0] }) == told(looks), "looking often tells nothing twice")
    }

    @Test("a clock that jumps tells the last of what it passed, with the days that are left then")
    func jumps() {
        #expect(told([before(90), before(2), before(1), end]) == [.expiring(daysLeft: 2), .expired])
        #expect(told([before(90), end + 5, end + Instant.dayMs]) == [.expired])
        #expect(told([before(90), before(10), before(10)]) == [.expiring(daysLeft: 10)])
    }

    @Test("a short consent is not warned of on the day on which it was given")
    func short() {
        #expect(ConsentNotices.next(of: end, after: before(10)) == before(3))
        #expect(ConsentNotices.next(of: end, after: before(1)) == end)
        #expect(ConsentNotices.next(of: end, after: end) == nil)
        #expect(ConsentNotices.next(of: nil, after: end) == nil)
    }
}

@Suite("What is told of a connection")
struct ConnectionReportTests {
    private let now = Instant(ms: 1_700_000_000_000)

    private func facts(_ product: Product, ok: Int64?, tried: Int64?, _ outcome: String?) -> ProductFacts {
        ProductFacts(
            product: product, okAt: ok.map { now + $0 }, triedAt: tried.map { now + $0 }, outcome: outcome,
            nextAt: now + 1000)
    }

    @Test("products are kept apart: one that fails does not hide that the other is fresh")
    func apart() {
        let report = ConnectionReport(
            state: ConnectionState(status: .active), lastOKAt: now, lastFailAt: nil, lastError: nil,
            products: [
                facts(.balance, ok: 50, tried: 50, "ok"),
                facts(.transactions, ok: 10, tried: 50, "provider_unavailable"),
            ])
        #expect(report.lastOKAt == now + 50, "a quiet run leaves its word in the schedule alone")
        #expect(report.products[0].next == nil)
        #expect(report.products[1].next == .retry)
        #expect(report.products[1].nextAttemptAt == now + 1000)
        #expect(report.lastExecution?.code == "provider_unavailable", "green only when all is green")
        #expect(report.lastExecution?.outcome == "failed")
        #expect(report.next == .retry)
    }

    @Test("a run that the bank was spared is neither a success nor a failure")
    func skipped() {
        let report = ConnectionReport(
            state: ConnectionState(status: .active), lastOKAt: now, lastFailAt: nil, lastError: nil,
            products: [facts(.balance, ok: 0, tried: 60, "skipped_quota")])
        #expect(report.lastExecution?.outcome == "skipped")
        #expect(report.lastOKAt == now)
    }

    @Test("while the person must act no next attempt is promised")
    func stopped() {
        let state = ConnectionState(status: .needsUser, code: .userLocked, since: now, tries: 1, triedAt: now)
        let report = ConnectionReport(
            state: state, lastOKAt: nil, lastFailAt: now, lastError: "user_locked",
            products: [facts(.balance, ok: nil, tried: 0, "user_locked")])
        #expect(report.next == .userAction(.atBank))
        #expect(report.nextAttemptAt == nil)
        #expect(report.lastExecution?.errorClass == .userAction(.atBank))
    }

    @Test("before the first run there is nothing to tell")
    func fresh() {
        let report = ConnectionReport(
            state: ConnectionState(status: .active), lastOKAt: nil, lastFailAt: nil, lastError: nil,
            products: [facts(.balance, ok: nil, tried: nil, nil)])
        #expect(report.lastExecution == nil)
        #expect(report.next == nil)
    }
}
