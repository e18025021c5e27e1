/// Decides for one process of a program what is sent when, who is told what when it fails, and when it is started
/// again. Requests are known by numbers.
public struct ProgramMachine: Sendable {
    /// What is to be done, in order.
    public enum Action: Sendable, Equatable {
        case start
        case send(Int64)
        /// The answer goes to who asked.
        case deliver(Int64)
        case fail(Int64, ProgramFault)
        /// Ended by force; `ended` is told when that is done.
        case kill(ProgramFault)
    }

    private enum Phase: Sendable { case absent, starting, ready, ending }

    private struct Sent: Sendable {
        var isRepeatable: Bool
        /// Sent before, to a process that died.
        var isAgain: Bool
        /// Nobody waits for the answer any more, but the process is still at it.
        var isOverdue = false
    }

    private struct Waiting: Sendable {
        var number: Int64
        var sent: Sent
    }

    /// So many answers in one life, and earlier failures are forgotten.
    private static let answersForTrust = 20
    private static let restMs: Int64 = 1000
    private static let restMsMax: Int64 = 60_000

    private var phase = Phase.absent
    private var isStopped = false
    private var atOnce = 1
    private var waiting: [Waiting] = []
    private var sent: [Int64: Sent] = [:]
    private var failures = 0
    private var answers = 0
    private var restsUntil: Instant?
    private var killedFor: ProgramFault?
    /// Why the last life ended; nil while all is well.
    public private(set) var lastFault: ProgramFault?

    public init() {}

    /// Requests that are under way or wait.
    public var load: Int { waiting.count + sent.count }

    /// Why a request would be refused now.
    public func trouble(at now: Instant) -> ProgramFault? {
        if isStopped { return .stopped }
        guard phase == .absent, let lastFault else { return nil }
        if let rest = rest(at: now) { return rest }
        return lastFault == .died && failures < 2 ? nil : lastFault
    }

    /// Somebody asks.
    public mutating func admit(_ number: Int64, isRepeatable: Bool, at now: Instant) -> [Action] {
        if isStopped { return [.fail(number, .stopped)] }
        if waiting.count >= ProgramLimits.waitingMax { return [.fail(number, .busy)] }
        if phase == .absent, let rest = rest(at: now) { return [.fail(number, rest)] }
        waiting.append(Waiting(number: number, sent: Sent(isRepeatable: isRepeatable, isAgain: false)))
        return startOrSend()
    }

    /// The process answered its first request.
    /// - Parameter atOnce: requests that it takes at once.
    public mutating func greeted(atOnce: Int) -> [Action] {
        guard phase == .starting else { return [] }
        phase = .ready
        lastFault = nil
        self.atOnce = max(1, min(atOnce, ProgramLimits.inFlightMax))
        return startOrSend()
    }

    /// An answer came.
    public mutating func answered(_ number: Int64) -> [Action] {
        guard phase == .ready else { return [] }
        guard let was = sent.removeValue(forKey: number) else { return kill(.garbage) }
        answers += 1
        if answers >= Self.answersForTrust { failures = 0 }
        return (was.isOverdue ? [] : [.deliver(number)]) + startOrSend()
    }

    /// A request's time is over, or who asked has gone.
    /// - Parameter fault: nil when nobody is there to be told.
    public mutating func expired(_ number: Int64, _ fault: ProgramFault? = .timedOut) -> [Action] {
        if let index = waiting.firstIndex(where: { $0.number == number }) {
            waiting.remove(at: index)
            return fault == nil ? [] : [.fail(number, .busy)]
        }
        guard let was = sent[number] else { return [] }
        if was.isOverdue { return fault == nil ? [] : kill(.timedOut) }
        sent[number]?.isOverdue = true
        let told: [Action] = fault.map { [.fail(number, $0)] } ?? []
        // A process that takes others beside it may still come round; one that is stuck altogether does not. Nor does
        // one whose caller merely left need to die at once: the request's own deadline comes.
        let isStuck = fault != nil && sent.values.count(where: \.isOverdue) >= atOnce
        return told + (isStuck ? kill(.timedOut) : [])
    }

    /// A request that nobody waits for any more has had twice its time.
    public mutating func overstayed(_ number: Int64) -> [Action] {
        sent[number]?.isOverdue == true ? kill(.timedOut) : []
    }

    /// The process did what it must not.
    public mutating func kill(_ fault: ProgramFault) -> [Action] {
        guard phase == .starting || phase == .ready else { return [] }
        phase = .ending
        killedFor = fault
        return [.kill(fault)]
    }

    /// The process is gone, or never came.
    public mutating func ended(_ fault: ProgramFault, at now: Instant) -> [Action] {
        let fault = killedFor ?? fault
        let wasReady = !sent.isEmpty
        phase = .absent
        killedFor = nil
        answers = 0
        if isStopped { return [] }
        lastFault = fault
        failures += 1
        restsUntil = now + rest(after: failures)
        return settle(fault, isStarted: wasReady, at: now) + startOrSend()
    }

    /// Nothing is begun any more.
    public mutating func stop() -> [Action] {
        isStopped = true
        let numbers = waiting.map(\.number) + sent.filter { !$0.value.isOverdue }.keys.sorted()
        waiting = []
        sent = [:]
        return numbers.map { .fail($0, .stopped) }
    }

    // MARK: inside

    /// Who asked what the dead process was busy with is told; what several asked at once is asked again, since one of
    /// them killed it and the others did no wrong.
    private mutating func settle(_ fault: ProgramFault, isStarted: Bool, at now: Instant) -> [Action] {
        let under = sent.filter { !$0.value.isOverdue }.sorted { $0.key < $1.key }
        let isShared = sent.count > 1
        sent = [:]
        var actions: [Action] = []
        var again: [Waiting] = []
        for (number, was) in under {
            if isShared, was.isRepeatable, !was.isAgain, rest(at: now) == nil {
                again.append(Waiting(number: number, sent: Sent(isRepeatable: true, isAgain: true)))
            } else {
                actions.append(.fail(number, fault == .timedOut ? .died : fault))
            }
        }
        waiting.insert(contentsOf: again, at: 0)
        // What waited for a start that failed need not wait for another; nor need anybody wait for the end of a rest.
        if let rest = rest(at: now) {
            actions += waiting.map { .fail($0.number, isStarted ? rest : fault) }
            waiting = []
        } else if !isStarted, again.isEmpty {
            actions += waiting.map { .fail($0.number, fault) }
            waiting = []
        }
        return actions
    }

    private mutating func startOrSend() -> [Action] {
        switch phase {
        case .absent:
            guard !waiting.isEmpty, !isStopped else { return [] }
            phase = .starting
            return [.start]
        case .starting, .ending: return []
        case .ready:
            var actions: [Action] = []
            while sent.count < atOnce, !waiting.isEmpty {
                let next = waiting.removeFirst()
                sent[next.number] = next.sent
                actions.append(.send(next.number))
            }
            return actions
        }
    }

    private func rest(after failures: Int) -> Int64 {
        // Once is an accident.
        failures < 2 ? 0 : min(Self.restMs << min(Int64(failures - 2), 16), Self.restMsMax)
    }

    private func rest(at now: Instant) -> ProgramFault? {
        guard let restsUntil, restsUntil > now else { return nil }
        return .resting(seconds: Int((restsUntil - now + 999) / 1000))
    }
}
