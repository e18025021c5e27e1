import Connectors
import Domain
import Storage

/// Tells of a link that failed, in the transaction that ends its session: to the environment, and to the callback URL
/// that the link was begun with where that is known already: what comes from a browser makes no endpoint before it has
/// linked something. Fill `core.sequence` before.
struct LinkFailureNotice {
    let core: Core

    /// Tells nothing of a step that is no failure.
    func tell(
        _ step: Step, _ session: LinkSession, _ environment: Domain.Environment, _ tx: Transaction
    ) throws {
        guard case .failed(let error) = step else { return }
        let terms = try LinkTerms(json: session.request)
        let record = try terms.run.repairs.flatMap { try ConnectionStore.find($0, environment.scope, tx.db) }
        let draft = Drafts.linkFailed(
            session, error, record: record?.id.hex, customer: record?.customerID.hex ?? terms.customerID)
        try Outbox(core: core).emit(
            draft, in: environment,
            to: .link(callbackURL: terms.callbackURL ?? record?.callbackURL, record: record?.id),
            at: environment.virtual(core.runtime.now()), tx)
    }
}
