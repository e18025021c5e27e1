import ArgumentParser

@main
struct Kubewa: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kubewa",
        abstract: "Open finance on your own machine: link bank accounts once, receive their data for good.",
        version: "0.1.0",
        subcommands: [
            ServeCommand.self, DemoCommand.self, ShopCommand.self, MigrateCommand.self, TenantsCommand.self,
            KeysCommand.self, AppsCommand.self, LinksCommand.self, ConnectionsCommand.self, BanksCommand.self,
            InstitutionsCommand.self,
            WebhooksCommand.self, DeliveriesCommand.self, ListenCommand.self, TriggerCommand.self, SandboxCommand.self,
            StatementCommand.self, DatabaseCommand.self, DoctorCommand.self,
        ])
}
