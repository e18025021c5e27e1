import Domain
import Storage

extension WebhookEndpointService {
    /// Endpoints of one environment that get transactions one by one: what a bank's page of two thousand rows means for
    /// them all is written in one transaction.
    public static let splittingMax = 10

    /// - Throws: `conflict` where one more would split.
    func checkSplitting(
        _ endpoint: WebhookEndpoint, before: Bool, _ scope: Scope, _ db: any SQLConnection
    ) throws {
        guard endpoint.splitsTransactions, !before else { return }
        let others = try EndpointStore.splitting(beside: endpoint.id, limit: Self.splittingMax, scope, db)
        guard others < Self.splittingMax else {
            throw DomainError(
                .conflict,
                "\(Self.splittingMax) endpoints with `splits_transactions` are enough for one environment. "
                    + "Leave it out, or switch it off elsewhere.", field: "splits_transactions")
        }
    }
}
