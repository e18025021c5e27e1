import Domain
import Logging
import NIOCore
import Synchronization

/// Runs one process of a program and brings requests and answers together. `ProgramMachine` decides, this does it.
final class ProgramHost: Sendable {
    private struct Call {
        let request: ProgramRequest
        let continuation: CheckedContinuation<Result<[UInt8], ProgramFault>, Never>
        var timer: Scheduled<Void>?
    }

    private struct State {
        var machine = ProgramMachine()
        var calls: [Int64: Call] = [:]
        /// 0 is the first request of a process.
        var lastNumber: Int64 = 0
        /// Left before they came in.
        var gone: Set<Int64> = []
        var life: ProgramLife?
        var isGreeted = false
        var greeting: JSONValue?
        /// Of requests that ended too: the program may still say something of them.
        var secrets = SecretBook()
    }

    private let setup: ProgramSetup
    private let loop: any EventLoop
    private let runtime: any Runtime
    private let log: ProgramLog
    private let state = Mutex(State())

    init(_ setup: ProgramSetup, on loop: any EventLoop, runtime: any Runtime, logger: Logger) {
        self.setup = setup
        self.loop = loop
        self.runtime = runtime
        log = ProgramLog(setup, runtime: runtime, logger: logger)
    }

    var load: Int { state.withLock { $0.machine.load } }
    var greeting: JSONValue? { state.withLock { $0.greeting } }
    var trouble: ProgramFault? { state.withLock { $0.machine.trouble(at: runtime.now()) } }

    func ask(_ request: ProgramRequest) async throws(ProgramFault) -> [UInt8] {
        let number = state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in admit(number, request, continuation) }
        } onCancel: {
            leave(number)
        }
        return try result.get()
    }

    func stop() async {
        let (actions, life) = state.withLock { ($0.machine.stop(), $0.life) }
        perform(actions)
        guard let life else { return }
        life.end(withinMs: setup.limits.stopMs)
        do { try await life.gone.get() } catch { log.note("it could not be ended", .warning) }
    }

    // MARK: requests

    private func admit(
        _ number: Int64, _ request: ProgramRequest,
        _ continuation: CheckedContinuation<Result<[UInt8], ProgramFault>, Never>
    ) {
        // It may wait as long as it may take, and for a start before that.
        let patienceMs = request.deadlineMs ?? setup.limits.callMs + setup.limits.startMs
        let timer = loop.scheduleTask(in: .milliseconds(patienceMs)) { [self] in expire(number) }
        let now = runtime.now()
        let actions = state.withLock { state -> [ProgramMachine.Action] in
            state.calls[number] = Call(request: request, continuation: continuation, timer: timer)
            if state.gone.remove(number) != nil { return [.fail(number, .stopped)] }
            return state.machine.admit(number, isRepeatable: request.isRepeatable, at: now)
        }
        perform(actions)
    }

    private func leave(_ number: Int64) {
        let (call, actions) = state.withLock { state -> (Call?, [ProgramMachine.Action]) in
            guard let call = state.calls.removeValue(forKey: number) else {
                state.gone.insert(number)
                return (nil, [])
            }
            return (call, state.machine.expired(number, nil))
        }
        // The timer stays: a process that never ends what nobody waits for is found by it.
        call?.continuation.resume(returning: .failure(.stopped))
        perform(actions)
    }

    private func expire(_ number: Int64) {
        loop.scheduleTask(in: .milliseconds(setup.limits.callMs)) { [self] in
            perform(state.withLock { $0.machine.overstayed(number) })
        }
        perform(state.withLock { $0.machine.expired(number) })
    }

    private func deadlineMs(_ request: ProgramRequest) -> Int64 { request.deadlineMs ?? setup.limits.callMs }

    private func perform(_ actions: [ProgramMachine.Action], answer: [UInt8]? = nil) {
        for action in actions {
            switch action {
            case .start: loop.execute { [self] in start() }
            case .send(let number): send(number)
            case .deliver(let number): finish(number, answer.map(Result.success) ?? .failure(.died))
            case .fail(let number, let fault): finish(number, .failure(fault))
            case .kill(let fault):
                log.note("it is ended: \(fault)", .warning)
                state.withLock { $0.life }?.kill()
            }
        }
    }

    private func finish(_ number: Int64, _ result: Result<[UInt8], ProgramFault>) {
        guard let call = state.withLock({ $0.calls.removeValue(forKey: number) }) else { return }
        // A deadline that passed keeps its watch over the process.
        if case .failure(.timedOut) = result {} else { call.timer?.cancel() }
        call.continuation.resume(returning: result)
    }

    private func send(_ number: Int64) {
        let (request, life, waited) = state.withLock { state in
            let call = state.calls[number]
            if let request = call?.request {
                state.secrets.begin(number, texts: request.secrets, answers: request.answers)
            }
            return (call?.request, state.life, call?.timer)
        }
        guard let request, let life else { return }
        // The deadline counts from here; until now it bounded the waiting.
        waited?.cancel()
        let timer = loop.scheduleTask(in: .milliseconds(deadlineMs(request))) { [self] in expire(number) }
        state.withLock { $0.calls[number]?.timer = timer }
        life.write(Self.line(number, request.body))
    }

    static func line(_ number: Int64, _ body: [UInt8]) -> [UInt8] {
        Array("{\"id\":\(number),".utf8) + body.dropFirst()
    }

    // MARK: the process

    private func start() {
        let ears = ProgramLife.Ears(
            line: { [self] in heard($1, of: $0) }, errorLine: { [self] in complained($1, of: $0) },
            fault: { [self] in misbehaved($0, $1) }, end: { [self] in ended($0) })
        let result = ProgramLife.start(setup, on: loop, ears) { [self] life in
            life.write(Self.line(0, setup.greeting))
            loop.scheduleTask(in: .milliseconds(setup.limits.startMs)) { [self] in tooSlow(life) }
        }
        switch result {
        case .success(let life):
            let isStopped = state.withLock { state in
                state.life = life
                state.isGreeted = false
                return state.machine.trouble(at: runtime.now()) == .stopped
            }
            log.note("it is started", .info, ["pid": "\(life.pid)"])
            if isStopped { life.kill() }
        case .failure(let fault):
            log.note("it cannot be started: \(fault)", .error)
            let now = runtime.now()
            perform(state.withLock { $0.machine.ended(fault, at: now) })
        }
    }

    private func heard(_ line: [UInt8], of life: ProgramLife) {
        guard isCurrent(life) else { return }
        guard let number = ProgramAnswer.number(of: line) else { return misbehaved(life, .garbage) }
        guard number == 0 else {
            let actions = state.withLock { state in
                state.secrets.end(number)
                return state.machine.answered(number)
            }
            perform(actions, answer: line)
            return
        }
        switch greeting(line) {
        case .failure(let fault): misbehaved(life, fault)
        case .success(let greeting):
            let actions = state.withLock { state -> [ProgramMachine.Action] in
                guard !state.isGreeted else { return state.machine.kill(.garbage) }
                state.isGreeted = true
                state.greeting = greeting
                let atOnce: Int? =
                    if case .integer(let count)? = greeting["max_in_flight"] { Int(exactly: count) } else { nil }
                return state.machine.greeted(atOnce: atOnce ?? 1)
            }
            perform(actions)
        }
    }

    private func greeting(_ line: [UInt8]) -> Result<JSONValue, ProgramFault> {
        guard let answer = try? JSONValue(parsing: line), let greeting = answer["result"], greeting.members != nil,
            case .integer(let version)? = greeting["protocol"]
        else { return .failure(.wrongGreeting) }
        return version == setup.version ? .success(greeting) : .failure(.otherVersion)
    }

    private func complained(_ line: [UInt8], of life: ProgramLife) {
        log.say(line) { [self] in state.withLock { $0.secrets.currentMask() } }
    }

    private func misbehaved(_ life: ProgramLife, _ fault: ProgramFault) {
        guard isCurrent(life) else { return }
        perform(state.withLock { $0.machine.kill(fault) })
    }

    private func tooSlow(_ life: ProgramLife) {
        guard isCurrent(life), state.withLock({ !$0.isGreeted }) else { return }
        perform(state.withLock { $0.machine.kill(.slowStart) })
    }

    private func ended(_ life: ProgramLife) {
        let now = runtime.now()
        let actions = state.withLock { state -> [ProgramMachine.Action]? in
            guard state.life === life else { return nil }
            state.life = nil
            state.secrets.endAll()
            return state.machine.ended(.died, at: now)
        }
        guard let actions else { return }
        log.note("it has ended", .notice)
        perform(actions)
    }

    private func isCurrent(_ life: ProgramLife) -> Bool { state.withLock { $0.life === life } }
}
