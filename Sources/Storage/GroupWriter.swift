import Domain
import Logging

/// The one connection that writes, on its own thread. It takes what waits, writes it in one transaction and
/// answers after COMMIT, so that many small units pay for one flush to disk.
struct GroupWriter: Sendable {
    static let unitsMax = 256
    static let lingerMicroseconds = 2000
    static let queuedMax = 65_536
    static let retriesMax = 5
    /// A group of so many units makes it likely that more are on their way.
    private static let busyGroup = 4

    enum Work: Sendable {
        /// `perform` returns how to answer once it is committed.
        case unit(perform: @Sendable (Transaction) throws -> @Sendable () -> Void, fail: @Sendable (any Error) -> Void)
        /// Something that handles transactions itself.
        case alone(@Sendable (any SQLConnection) -> Void)
    }

    let queue = BlockingQueue<Work>(countMax: queuedMax)
    let logger: Logger
    let listeners = CommitListeners()
    let gate = WriterGate()

    /// Runs until the queue is closed and empty. Call on a thread of its own.
    func run(_ connection: any SQLConnection) {
        var last = 1
        while let batch = queue.nextBatch(
            max: Self.unitsMax, expected: last >= Self.busyGroup ? last / 2 : 1,
            lingerMicroseconds: Self.lingerMicroseconds)
        {
            last = batch.count
            var group: [Unit] = []
            for work in batch {
                switch work {
                case .unit(let perform, let fail): group.append(Unit(perform: perform, fail: fail))
                case .alone(let body):
                    commit(group[...], connection)
                    group = []
                    body(connection)
                }
            }
            commit(group[...], connection)
        }
    }

    private struct Unit {
        let perform: @Sendable (Transaction) throws -> @Sendable () -> Void
        let fail: @Sendable (any Error) -> Void
    }

    /// Why a transaction came to nothing, and where.
    private enum Failure: Error {
        /// The unit at this index threw.
        case unit(Int, any Error)
        /// The deferred rows could not be written, or COMMIT was refused: any unit may be the cause.
        case group(any Error)
        /// The connection went during COMMIT: nobody knows whether it took effect.
        case unknown(StorageError)
    }

    /// Commits the units together. One that fails is tried again alone, and those before and after it as groups
    /// of their own, so that a failing unit costs the others a second run and nothing else.
    private func commit(_ units: ArraySlice<Unit>, _ connection: any SQLConnection) {
        var rest = units
        while !rest.isEmpty {
            if rest.count == 1 { return commitAlone(rest[rest.startIndex], connection) }
            do {
                try attempt(rest, connection).forEach { $0() }
                return
            } catch {
                rest = recover(rest, error, connection)
            }
        }
    }

    /// - Returns: the units that are still to do.
    private func recover(
        _ units: ArraySlice<Unit>, _ failure: Failure, _ connection: any SQLConnection
    ) -> ArraySlice<Unit> {
        switch failure {
        case .unit(let index, let error):
            logger.debug("unit runs again alone", metadata: ["units": "\(units.count)", "why": "\(type(of: error))"])
            commit(units[..<index], connection)
            commitAlone(units[index], connection)
            return units[(index + 1)...]
        case .group(let error as StorageError) where error.code == .replaced:
            for unit in units { unit.fail(error) }
        case .group(let error):
            logger.debug("group runs again unit by unit", metadata: ["units": "\(units.count)", "why": "\(error)"])
            for unit in units { commitAlone(unit, connection) }
        case .unknown(let error):
            for unit in units { unit.fail(error) }
        }
        return []
    }

    private func commitAlone(_ unit: Unit, _ connection: any SQLConnection) {
        var retries = 0
        while true {
            do {
                try attempt([unit], connection).forEach { $0() }
                return
            } catch {
                switch error {
                case .unknown(let cause): return unit.fail(cause)
                case .unit(_, let cause), .group(let cause):
                    guard Self.isWorthAnotherTry(cause, retries) else { return unit.fail(cause) }
                    retries += 1
                }
            }
        }
    }

    /// A connection that was lost before COMMIT did nothing; the next BEGIN makes a new one, and that once.
    static func isWorthAnotherTry(_ error: any Error, _ retries: Int) -> Bool {
        guard retries < retriesMax, let error = error as? StorageError else { return false }
        return error.isRetryable || error.code == .connectionLost && retries == 0
    }

    private func attempt(
        _ units: ArraySlice<Unit>, _ connection: any SQLConnection
    ) throws(Failure) -> [@Sendable () -> Void] {
        do { try connection.script(TransactionText.begin(connection.dialect)) } catch { throw .group(error) }
        do { try gate.admit(connection) } catch {
            connection.rollBack()
            throw .group(error)
        }
        let transaction = Transaction(connection)
        var answers: [@Sendable () -> Void] = []
        answers.reserveCapacity(units.count)
        for index in units.indices {
            do {
                answers.append(try units[index].perform(transaction))
            } catch {
                connection.rollBack()
                throw .unit(index, error)
            }
        }
        do { try transaction.flush() } catch {
            connection.rollBack()
            throw .group(error)
        }
        do { try connection.script(TransactionText.commit) } catch {
            connection.rollBack()
            if error.code == .connectionLost { throw .unknown(error) }
            throw .group(error)
        }
        listeners.tell(transaction.lanes)
        return answers
    }
}
