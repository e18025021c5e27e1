import Domain

/// Every operation of this server. An operation is added by its struct and one line here.
public enum APICatalog {
    private static let native: [any Endpoint.Type] = [
        Widget.Open.self, Widget.Institutions.self, Widget.Begin.self, Widget.Result.self, Widget.Return.self,
        Links.Create.self, Links.List.self, Links.Remove.self, Links.CreateReauth.self,
        LinkSessions.Create.self, LinkSessions.Get.self, LinkSessions.Answer.self, LinkSessions.Abandon.self,
        LinkSessions.Institutions.self,
        Accounts.List.self, Accounts.Get.self, Accounts.Transactions.self, AccountCompleteness.Get.self,
        TransactionLookups.Post.self, Identities.Get.self,
        TransactionSyncs.Get.self, TransactionSyncs.Post.self,
        Connections.List.self, Connections.Get.self, Connections.Remove.self, Customers.Remove.self,
        Refreshes.Create.self, Refreshes.Get.self, Refreshes.List.self,
        Schedules.Get.self, Schedules.Put.self, Apps.List.self, Apps.SetRefresh.self,
        WebhookEndpoints.Create.self, WebhookEndpoints.CreateOfConnection.self, WebhookEndpoints.List.self,
        WebhookEndpoints.Get.self, WebhookEndpoints.Update.self, WebhookEndpoints.Remove.self,
        WebhookSwitches.Pause.self, WebhookSwitches.Resume.self, WebhookSwitches.Disable.self,
        WebhookSwitches.Enable.self, WebhookSwitches.Test.self, WebhookSigning.Rotate.self,
        WebhookSigning.List.self, WebhookSigning.Public.self,
        Statements.UploadToSession.self, Statements.Upload.self, Statements.List.self, Statements.Get.self,
        Statements.Confirm.self, Statements.Discard.self,
        Lineage.Get.self, Lineage.Merge.self, Lineage.Split.self, Lineage.Trust.self,
        Incomes.Ask.self, Incomes.Get.self, BankStatements.Get.self,
        Deliveries.List.self, Deliveries.Export.self, Deliveries.Get.self, Attempts.List.self, Attempts.Get.self,
        Replays.Create.self, Replays.List.self, Replays.Get.self, Replays.Cancel.self,
        EventFeed.List.self, EventFeed.Listening.self, EventFeed.Get.self, EventTrigger.Fire.self, Events.Attempts.self,
        EventTypes.List.self, EventTypes.Get.self,
        Institutions.List.self, Institutions.Get.self, Institutions.Candidates.self,
        Sandbox.Clock.self, Sandbox.Advance.self, Sandbox.PostTransaction.self, Sandbox.CreateCustomers.self,
        Sandbox.ListCustomers.self,
        SandboxScenarios.Set.self, SandboxScenarios.Get.self, SandboxScenarios.List.self,
        SandboxScenarios.Remove.self,
    ]

    private static let okra: [OkraRoute] =
        BankRoutes.all + AuthRoutes.all + AccountRoutes.all + BalanceRoutes.all + TransactionRoutes.all
        + IdentityRoutes.all + CustomerRoutes.all + RecordRoutes.all + CallbackRoutes.all + LinkRoutes.all
        + SandboxRoutes.all

    /// Operations that customers and banks call; probes and metrics are `ProbeRoutes`.
    public static let routes: [Route] =
        native.map { $0.mounted } + okra.flatMap(\.routes) + UpstreamRoutes.all

    private static let constantPaths: Set<String> = Set(routes.map(\.path).filter { !$0.contains("{") })

    /// Whether a path is an operation's as it stands.
    static func isConstant(_ path: String) -> Bool { constantPaths.contains(path) }
}
