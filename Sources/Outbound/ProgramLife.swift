import Domain
import NIOCore
import NIOPosix
import Synchronization

/// One process of a program, from its start to its end.
final class ProgramLife: Sendable {
    /// A process that has been killed is looked at so often until it is gone.
    private static let reapEveryMs: Int64 = 10
    /// A process whose output somebody else holds open is found dead after so long.
    private static let lookEveryMs: Int64 = 1000

    /// More of one line of its error output is not read.
    private static let errorLineBytes = 8192

    /// What a process does is told here, on its event loop.
    struct Ears: Sendable {
        let line: @Sendable (ProgramLife, [UInt8]) -> Void
        let errorLine: @Sendable (ProgramLife, [UInt8]) -> Void
        let fault: @Sendable (ProgramLife, ProgramFault) -> Void
        let end: @Sendable (ProgramLife) -> Void
    }

    private struct State {
        var input: (any Channel)?
        var error: (any Channel)?
        var isKilled = false
        var isReaped = false
    }

    let pid: Int32
    /// Done when the process is gone for good.
    let gone: EventLoopFuture<Void>
    private let goneSoon: EventLoopPromise<Void>
    private let loop: any EventLoop
    private let ears: Ears
    private let state = Mutex(State())

    private init(pid: Int32, on loop: any EventLoop, _ ears: Ears) {
        self.pid = pid
        self.loop = loop
        self.ears = ears
        goneSoon = loop.makePromise()
        gone = goneSoon.futureResult
    }

    /// Starts a process; call it on the loop.
    /// - Parameter ready: on the loop, when requests can be written.
    static func start(
        _ setup: ProgramSetup, on loop: any EventLoop, _ ears: Ears, ready: @escaping @Sendable (ProgramLife) -> Void
    ) -> Result<ProgramLife, ProgramFault> {
        switch ProgramSpawner.start(setup) {
        case .failure(let fault): return .failure(fault)
        case .success(let spawned):
            let life = ProgramLife(pid: spawned.pid, on: loop, ears)
            life.open(spawned, setup.limits, ready)
            return .success(life)
        }
    }

    /// Writes one line.
    func write(_ line: [UInt8]) {
        guard let channel = state.withLock({ $0.input }) else { return }
        var buffer = channel.allocator.buffer(capacity: line.count + 1)
        buffer.writeBytes(line)
        buffer.writeInteger(UInt8(ascii: "\n"))
        channel.writeAndFlush(buffer, promise: nil)
    }

    /// Ends its input, asks it to end, ends it by force: each a while after the other.
    func end(withinMs milliseconds: Int64) {
        state.withLock { $0.input }?.close(mode: .output, promise: nil)
        loop.scheduleTask(in: .milliseconds(milliseconds / 2)) { [self] in signal(SIGTERM) }
        loop.scheduleTask(in: .milliseconds(milliseconds)) { [self] in kill() }
    }

    /// Ends it and all that it started, by force.
    func kill() {
        signal(SIGKILL)
        let channels = state.withLock { state in
            let channels = [state.input, state.error]
            state.isKilled = true
            return channels
        }
        for channel in channels { channel?.close(promise: nil) }
        loop.execute { [self] in reap() }
    }

    // MARK: inside

    /// The number belongs to this process only until it is reaped.
    private func signal(_ number: Int32) {
        state.withLock { state in
            if !state.isReaped { ProgramSpawner.kill(pid, number) }
        }
    }

    private func reap() {
        let isReaped = state.withLock { state in
            if !state.isReaped { state.isReaped = ProgramSpawner.reap(pid) }
            return state.isReaped
        }
        guard isReaped else {
            loop.scheduleTask(in: .milliseconds(Self.reapEveryMs)) { [self] in reap() }
            return
        }
        goneSoon.succeed()
    }

    private func look() {
        let isReaped = state.withLock { state in
            if !state.isReaped { state.isReaped = ProgramSpawner.reap(pid) }
            return state.isReaped
        }
        if isReaped { return kill() }
        loop.scheduleTask(in: .milliseconds(Self.lookEveryMs)) { [self] in look() }
    }

    private func bootstrap(_ handler: @escaping @Sendable () -> ProgramOutput) -> NIOPipeBootstrap {
        NIOPipeBootstrap(group: loop).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(handler()) }
        }
    }

    private func open(
        _ spawned: SpawnedProgram, _ limits: ProgramLimits, _ ready: @escaping @Sendable (ProgramLife) -> Void
    ) {
        let errors = bootstrap { [self, ears] in
            ProgramOutput(
                bytesMax: Self.errorLineBytes, bytesPerMinute: limits.errorBytesPerMinute, cutsLong: true,
                line: { ears.errorLine(self, $0) }, fault: { ears.fault(self, $0) }, end: {})
        }
        errors.takingOwnershipOfDescriptor(input: spawned.error)
            .flatMap { [self, ears] channel in
                state.withLock { $0.error = channel }
                let answers = bootstrap {
                    ProgramOutput(
                        bytesMax: limits.lineBytes, bytesPerMinute: limits.outputBytesPerMinute, cutsLong: false,
                        line: { ears.line(self, $0) }, fault: { ears.fault(self, $0) },
                        end: {
                            self.kill()
                            ears.end(self)
                        })
                }
                return answers.takingOwnershipOfDescriptors(input: spawned.output, output: spawned.input)
            }
            .whenComplete { [self] result in
                switch result {
                case .success(let channel):
                    let isKilled = state.withLock { state in
                        state.input = channel
                        return state.isKilled
                    }
                    if isKilled { return channel.close(promise: nil) }
                    loop.scheduleTask(in: .milliseconds(Self.lookEveryMs)) { [self] in look() }
                    ready(self)
                case .failure:
                    // No more descriptors, for instance: the process is of no use.
                    kill()
                    ears.end(self)
                }
            }
    }
}

/// What a process writes to one of its outputs, line by line and within limits.
private final class ProgramOutput: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var lines: ProgramLines
    private let bytesPerMinute: Int
    /// Lines that are too long are cut and no fault.
    private let cutsLong: Bool
    private let line: ([UInt8]) -> Void
    private let fault: (ProgramFault) -> Void
    private let end: () -> Void
    private var windowEnds = NIODeadline.now()
    private var bytes = 0
    private var isOver = false

    init(
        bytesMax: Int, bytesPerMinute: Int, cutsLong: Bool, line: @escaping ([UInt8]) -> Void,
        fault: @escaping (ProgramFault) -> Void, end: @escaping () -> Void
    ) {
        lines = ProgramLines(bytesMax: bytesMax, cutsLong: cutsLong)
        self.bytesPerMinute = bytesPerMinute
        self.cutsLong = cutsLong
        self.line = line
        self.fault = fault
        self.end = end
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        let piece = unwrapInboundIn(data)
        let now = NIODeadline.now()
        if now >= windowEnds {
            windowEnds = now + .minutes(1)
            bytes = 0
        }
        bytes += piece.readableBytes
        guard bytes <= bytesPerMinute else { return stop(.flooded) }
        do {
            for each in try lines.feed(piece.readableBytesView) where !isOver { line(each) }
        } catch {
            stop(.lineTooLong)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        let rest = lines.flush()
        // Half an answer is none; what was being said of an error is worth reading.
        if cutsLong, !rest.isEmpty, !isOver { line(rest) }
        end()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func stop(_ what: ProgramFault) {
        isOver = true
        fault(what)
    }
}
