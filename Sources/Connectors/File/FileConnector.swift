import Domain

/// A bank by the statements that its customers export and upload. What it asks is not a bank but a `StatementBook`.
public struct FileConnector: Connector {
    public static let id = "file"
    static let accept = [".csv", ".txt", ".ofx", ".qfx", ".qbo", ".sta", ".mt940", ".940", ".942", ".xml", ".zip"]

    public let descriptor: ConnectorDescriptor
    private let book: any StatementBook
    private let bytesMax: Int

    /// - Parameters:
    ///   - bytesMax: a larger file is refused.
    ///   - environments: where banks can be linked by files.
    public init(
        book: any StatementBook, bytesMax: Int = StatementLimits().bytesMax,
        environments: Set<EnvironmentKind> = [.sandbox, .production]
    ) {
        self.book = book
        self.bytesMax = bytesMax
        descriptor = ConnectorDescriptor(
            id: Self.id,
            capabilities: Capabilities(
                products: [.auth, .accounts, .balance, .transactions], windowDaysMax: 31, isUnattended: false),
            institutions: InstitutionCatalog.slugs, environments: environments, access: .statement)
    }

    // MARK: linking

    public func beginLink(
        _ request: LinkRequest, _ context: ConnectorContext
    ) async throws(ConnectorError) -> LinkProgress { ask(nil) }

    private func ask(_ problem: String?) -> LinkProgress {
        LinkProgress(
            step: .upload(
                Step.Upload(
                    prompt: "Upload a statement of your account as your bank exports it: CSV, OFX, MT940 or CAMT, "
                        + "plain or zipped.", bytesMax: bytesMax, accept: Self.accept, problem: problem)),
            state: FileLinkState.upload.bytes)
    }

    public func continueLink(
        _ state: [UInt8], _ answer: StepAnswer, _ context: ConnectorContext
    ) async throws(ConnectorError) -> LinkProgress {
        switch try FileLinkState(state) {
        case .upload:
            guard let upload = answer.fields["upload"], !upload.isEmpty else {
                return ask("Choose a file first.")
            }
            let preview = try await asking { () async throws in
                try await book.preview(
                    upload: upload, session: context.correlationID, environmentID: context.environmentID)
            }
            guard let preview else { return ask("This file was not kept. Upload it again.") }
            return LinkProgress(step: .confirmStatement(preview), state: FileLinkState.confirm(upload).bytes)
        case .confirm(let upload): return try await confirm(upload, answer, context)
        }
    }

    private func confirm(
        _ upload: String, _ answer: StepAnswer, _ context: ConnectorContext
    ) async throws(ConnectorError) -> LinkProgress {
        let (session, environmentID) = (context.correlationID, context.environmentID)
        let lost = "This file is not kept any more. Upload it again."
        switch answer.fields["confirm"] {
        case "no":
            try await asking { () async throws in
                try await book.discard(upload: upload, session: session, environmentID: environmentID)
            }
            return ask(nil)
        case "yes":
            let word = try await asking { () async throws in
                try await book.confirm(
                    upload: upload, session: session, StatementChoice(answer), environmentID: environmentID)
            }
            switch word {
            case nil: return ask(lost)
            case .asked(let preview):
                return LinkProgress(step: .confirmStatement(preview), state: FileLinkState.confirm(upload).bytes)
            case .confirmed(let accounts):
                let grant = StatementGrant(book: upload, accounts: accounts)
                return LinkProgress(
                    step: .done, state: [],
                    linked: LinkedAccess(grant: grant.grant, accounts: accounts, upstreamUserID: nil))
            }
        default:
            let preview = try await asking { () async throws in
                try await book.preview(upload: upload, session: session, environmentID: environmentID)
            }
            guard var preview else { return ask(lost) }
            preview.problem = "Say whether this is right."
            return LinkProgress(step: .confirmStatement(preview), state: FileLinkState.confirm(upload).bytes)
        }
    }

    // MARK: access

    public func refreshAuth(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) -> Grant {
        try await open(grant, context).grant
    }

    public func revoke(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) {
        let own = try StatementGrant(grant)
        try await asking { () async throws in
            try await book.end(book: own.book, environmentID: context.environmentID)
        }
    }

    // MARK: data

    public func listAccounts(
        _ grant: Grant, _ context: ConnectorContext
    ) async throws(ConnectorError) -> [FetchedAccount] { try await open(grant, context).accounts }

    public func balance(
        _ grant: Grant, account: String, _ context: ConnectorContext
    ) async throws(ConnectorError) -> FetchedBalance {
        let own = try await open(grant, context)
        guard own.accounts.contains(where: { $0.upstreamID == account }) else {
            throw ConnectorError(.accountNotFound)
        }
        let told = try await asking { () async throws in
            try await book.balance(book: own.book, account: account, environmentID: context.environmentID)
        }
        guard let told else { throw ConnectorError(.accountNotFound) }
        guard told.asOf > context.now else { return told }
        return FetchedBalance(ledger: told.ledger, available: told.available, asOf: context.now)
    }

    public func transactions(
        _ grant: Grant, account: String, window: DayWindow, cursor: String?, _ context: ConnectorContext
    ) async throws(ConnectorError) -> FetchPage {
        let own = try await open(grant, context)
        let name = account.split(separator: "/", maxSplits: 1).first.map(String.init)
        // Other banks' accounts can be fed with statements too; theirs are not in the grant.
        guard own.accounts.isEmpty || own.accounts.contains(where: { $0.upstreamID == name }) else {
            throw ConnectorError(.accountNotFound)
        }
        return try await asking { () async throws in
            try await book.page(
                book: own.book, account: account, window: window, cursor: cursor,
                environmentID: context.environmentID)
        }
    }

    public func health(institution: String, _ context: ConnectorContext) async -> InstitutionHealth {
        do {
            _ = try await book.isOpen(book: "", environmentID: context.environmentID)
            return .healthy
        } catch {
            return .down
        }
    }

    private func open(
        _ grant: Grant, _ context: ConnectorContext
    ) async throws(ConnectorError) -> StatementGrant {
        let own = try StatementGrant(grant)
        let isOpen = try await asking { () async throws in
            try await book.isOpen(book: own.book, environmentID: context.environmentID)
        }
        guard isOpen else { throw ConnectorError(.consentRevoked) }
        return own
    }

    /// The database's own trouble is told as a bank's that does not answer: the step can be tried again.
    private func asking<Value: Sendable>(
        _ body: () async throws -> Value
    ) async throws(ConnectorError) -> Value {
        do {
            return try await body()
        } catch let error as ConnectorError {
            throw error
        } catch {
            throw ConnectorError(.providerUnavailable)
        }
    }
}
