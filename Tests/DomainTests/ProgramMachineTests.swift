import Domain
import Testing

struct ProgramMachineTests {
    private let start = Instant(ms: 1_705_309_200_000)

    /// A process that runs and was given its first request, number 1.
    private func running(atOnce: Int = 1) -> ProgramMachine {
        var machine = ProgramMachine()
        #expect(machine.admit(1, isRepeatable: true, at: start) == [.start])
        #expect(machine.greeted(atOnce: atOnce) == [.send(1)])
        return machine
    }

    @Test("a process is started by the first request and gets one at a time")
    func oneAtATime() {
        var machine = running()
        #expect(machine.admit(2, isRepeatable: true, at: start) == [])
        #expect(machine.admit(3, isRepeatable: true, at: start) == [])
        #expect(machine.load == 3)
        #expect(machine.answered(1) == [.deliver(1), .send(2)])
        #expect(machine.answered(2) == [.deliver(2), .send(3)])
        #expect(machine.answered(3) == [.deliver(3)])
        #expect(machine.load == 0)
    }

    @Test("it gets several at once when it says so, and their answers may come in any order")
    func severalAtOnce() {
        var machine = running(atOnce: 3)
        #expect(machine.admit(2, isRepeatable: true, at: start) == [.send(2)])
        #expect(machine.admit(3, isRepeatable: true, at: start) == [.send(3)])
        #expect(machine.admit(4, isRepeatable: true, at: start) == [])
        #expect(machine.answered(3) == [.deliver(3), .send(4)])
        #expect(machine.answered(1) == [.deliver(1)])
    }

    @Test("what a program says of itself is bounded", arguments: [-5, 0, 1_000_000])
    func boundedAtOnce(_ told: Int) {
        var machine = running(atOnce: told)
        for number in 2...200 as ClosedRange<Int64> { _ = machine.admit(number, isRepeatable: true, at: start) }
        var sent = 0
        for number in 1...200 as ClosedRange<Int64> where machine.expired(number) != [.fail(number, .busy)] {
            sent += 1
        }
        #expect(sent <= ProgramLimits.inFlightMax)
    }

    @Test("an answer to nothing ends the process")
    func unknownAnswer() {
        var machine = running()
        #expect(machine.answered(7) == [.kill(.garbage)])
        #expect(machine.ended(.died, at: start) == [.fail(1, .garbage)])
    }

    @Test("one that is stuck altogether is ended at the deadline, and who waited behind it is served by the next")
    func stuck() {
        var machine = running()
        #expect(machine.admit(2, isRepeatable: false, at: start) == [])
        #expect(machine.expired(1) == [.fail(1, .timedOut), .kill(.timedOut)])
        #expect(machine.ended(.died, at: start) == [.start])
        #expect(machine.greeted(atOnce: 1) == [.send(2)])
    }

    @Test("one that still works on others keeps going, and is ended only when the late one never comes")
    func late() {
        var machine = running(atOnce: 2)
        #expect(machine.admit(2, isRepeatable: true, at: start) == [.send(2)])
        #expect(machine.expired(1) == [.fail(1, .timedOut)])
        #expect(machine.answered(2) == [.deliver(2)])
        var patient = machine
        #expect(patient.answered(1) == [])
        #expect(patient.overstayed(1) == [])
        #expect(machine.overstayed(1) == [.kill(.timedOut)])
    }

    @Test("who leaves frees nobody else's place, and the process that never answers is found at the deadline")
    func leaving() {
        var machine = running()
        #expect(machine.expired(1, nil) == [])
        #expect(machine.admit(2, isRepeatable: true, at: start) == [])
        #expect(machine.expired(1) == [.kill(.timedOut)])
        #expect(machine.ended(.died, at: start) == [.start])
    }

    @Test("what was under way beside the request that killed the process is asked once more")
    func innocents() {
        var machine = running(atOnce: 3)
        _ = machine.admit(2, isRepeatable: true, at: start)
        _ = machine.admit(3, isRepeatable: false, at: start)
        #expect(machine.ended(.died, at: start) == [.fail(3, .died), .start])
        #expect(machine.greeted(atOnce: 3) == [.send(1), .send(2)])
        let after = machine.ended(.died, at: start)
        #expect(after == [.fail(1, .died), .fail(2, .died)])
    }

    @Test("after the second failure in a row it is left alone, longer each time, and told so")
    func rests() {
        var machine = running()
        #expect(machine.ended(.died, at: start) == [.fail(1, .died)])
        #expect(machine.trouble(at: start) == nil)
        var pauses: [Int] = []
        var now = start
        for number in 10..<20 as Range<Int64> {
            #expect(machine.admit(number, isRepeatable: true, at: now) == [.start])
            #expect(machine.ended(.slowStart, at: now) == [.fail(number, .slowStart)])
            guard case .resting(let seconds)? = machine.trouble(at: now) else {
                Issue.record("it does not rest")
                return
            }
            #expect(
                machine.admit(number + 100, isRepeatable: true, at: now) == [
                    .fail(number + 100, .resting(seconds: seconds))
                ])
            pauses.append(seconds)
            now = now + Int64(seconds) * 1000
        }
        #expect(pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60])
        #expect(machine.trouble(at: now) == .slowStart)
    }

    @Test("one that did well for a while may fail once at no cost")
    func trust() {
        var machine = running()
        _ = machine.ended(.died, at: start)
        _ = machine.admit(2, isRepeatable: true, at: start)
        _ = machine.greeted(atOnce: 1)
        for number in 2..<40 as Range<Int64> {
            _ = machine.answered(number)
            _ = machine.admit(number + 1, isRepeatable: true, at: start)
        }
        _ = machine.ended(.died, at: start)
        #expect(machine.admit(50, isRepeatable: true, at: start) == [.start])
    }

    @Test("too many that wait are refused")
    func busy() {
        var machine = running()
        let most = Int64(ProgramLimits.waitingMax)
        for number in 2...(most + 1) { #expect(machine.admit(number, isRepeatable: true, at: start) == []) }
        #expect(machine.admit(most + 2, isRepeatable: true, at: start) == [.fail(most + 2, .busy)])
    }

    @Test("one that waited in vain is told that the program is busy")
    func waitedInVain() {
        var machine = running()
        _ = machine.admit(2, isRepeatable: true, at: start)
        #expect(machine.expired(2) == [.fail(2, .busy)])
        #expect(machine.answered(1) == [.deliver(1)])
    }

    @Test("a stop fails what is under way and lets nothing begin")
    func stop() {
        var machine = running()
        _ = machine.admit(2, isRepeatable: true, at: start)
        #expect(Set(machine.stop().map { "\($0)" }).count == 2)
        #expect(machine.ended(.died, at: start) == [])
        #expect(machine.admit(3, isRepeatable: true, at: start) == [.fail(3, .stopped)])
        #expect(machine.trouble(at: start) == .stopped)
    }

    @Test(
        "whatever happens in whatever order, each request ends once and no more are sent than are taken",
        arguments: 1...200)
    func randomWalk(_ seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        var walk = MachineWalk()
        for _ in 0..<400 { walk.step(&random) }
        walk.finish()
        #expect(walk.findings == [])
    }
}

/// Plays the host of a machine and keeps account of every request.
private struct MachineWalk {
    private var machine = ProgramMachine()
    private var now = Instant(ms: 1_705_309_200_000)
    private var atOnce = 1
    private var next: Int64 = 1
    private var open: Set<Int64> = []
    /// Sent to the process that runs, and not answered by it.
    private var sent: Set<Int64> = []
    private var isRunning = false
    private var isKilled = false
    private(set) var findings: [String] = []

    mutating func step(_ random: inout SeededRandom) {
        switch Int.random(in: 0..<12, using: &random) {
        case 0..<4:
            open.insert(next)
            next += 1
            play(machine.admit(next - 1, isRepeatable: Bool.random(using: &random), at: now))
        case 4..<7:
            guard isRunning, !isKilled, let number = sent.sorted().randomElement(using: &random) else { return }
            sent.remove(number)
            play(machine.answered(number))
        case 7: play(machine.expired(Int64.random(in: 1...next, using: &random)))
        case 8: play(machine.overstayed(Int64.random(in: 1...next, using: &random)))
        case 9:
            let number = Int64.random(in: 1...next, using: &random)
            // Who leaves is told nothing by the machine.
            if open.remove(number) != nil { play(machine.expired(number, nil)) }
        case 10:
            guard isRunning, isKilled || Bool.random(using: &random) else { return }
            end(.died)
        default: now = now + Int64.random(in: 0...70_000, using: &random)
        }
        if isKilled, Bool.random(using: &random) { end(.died) }
    }

    /// All that is left ends when the process does.
    mutating func finish() {
        play(machine.stop())
        if isRunning { end(.died) }
        if !open.isEmpty { findings.append("never ended: \(open.sorted())") }
        if machine.load != 0 { findings.append("a load of \(machine.load) is left") }
    }

    private mutating func end(_ fault: ProgramFault) {
        (isRunning, isKilled) = (false, false)
        sent = []
        play(machine.ended(fault, at: now))
    }

    private mutating func play(_ actions: [ProgramMachine.Action]) {
        for action in actions {
            switch action {
            case .start:
                if isRunning { findings.append("started twice") }
                isRunning = true
                atOnce = Int(next % 4) + 1
                play(machine.greeted(atOnce: atOnce))
            case .send(let number):
                if !isRunning || isKilled { findings.append("\(number) is sent to nobody") }
                sent.insert(number)
                if sent.count > atOnce { findings.append("\(sent.count) are sent at once") }
            case .deliver(let number), .fail(let number, _):
                if open.remove(number) == nil { findings.append("\(number) ends twice") }
            case .kill:
                if !isRunning || isKilled { findings.append("nothing is killed") }
                isKilled = true
            }
        }
    }
}
