import Connectors
import Domain
import Storage

extension Syncer {
    /// The one door to a bank of every call of a run.
    /// - Throws: `RefreshDeferred` when the bank may not be asked now; `ConnectorError` when it did not answer well.
    func ask<Value: Sendable>(
        _ operation: BankOperation, _ run: inout Run, _ payloads: RawPayloads? = nil,
        _ call: (any Connector, Grant, ConnectorContext) async throws(ConnectorError) -> Value
    ) async throws -> Value {
        run.trace.calls += 1
        return try await call(run.connector, run.grant, context(run, payloads))
    }
}
