import Foundation

/// A webhook as the page's inbox shows it.
struct InboxEntry: Encodable, Sendable {
    let number: Int
    let event: String
    let at: Date
    let account: String?
    let isVerified: Bool
    /// Why it was refused, or that it came before.
    let note: String?
    /// The body as it came.
    let body: String
}

/// What happens in the shop: orders, webhooks, and the pages that watch. One shop, one till, everything in memory.
actor ShopDesk {
    static let inboxMax = 100
    static let seenMax = 10_000
    static let shownBytesMax = 32 << 10
    static let watchersMax = 32

    private let kubewa: any KubewaCalls
    private let verifier: WebhookVerifier
    private let say: @Sendable (String) -> Void

    /// Tells this run of the shop from an earlier one.
    private let began = UUID().uuidString
    private var accounts: [BankAccount] = []
    private var book = OrderBook()
    private var inbox: [InboxEntry] = []
    private var inboxCount = 0
    private var seen: Set<String> = []
    private var seenOrder: [String] = []
    /// When the page last posted at an account's bank.
    private var posted: [String: ContinuousClock.Instant] = [:]
    private var problem: ShopProblem?
    private var watchers: [Int: AsyncStream<String>.Continuation] = [:]
    private var watcherCount = 0

    init(kubewa: any KubewaCalls, verifier: WebhookVerifier, say: @escaping @Sendable (String) -> Void) {
        self.kubewa = kubewa
        self.verifier = verifier
        self.say = say
    }

    // MARK: Webhooks

    /// What happened to a webhook, as the status of the answer tells it to Kubewa.
    enum Receipt: Int { case taken = 200, refused = 401, unreadable = 400, later = 503 }

    func receive(_ body: [UInt8], now: Date, header: (String) -> String?) async -> Receipt {
        let id: String
        do {
            id = try verifier.verify(body: body, nowSeconds: Int64(now.timeIntervalSince1970), header: header)
        } catch {
            say("✗ refused a webhook: \(error)")
            keep(body, nil, now, note: "Refused: \(error)")
            return .refused
        }
        guard let event = try? WebhookEvent(parsing: body) else {
            keep(body, nil, now, isVerified: true, note: "Verified, but not in the form of an event")
            return .unreadable
        }
        // Kubewa sends at least once: the same event again is thanked for and changes nothing.
        guard !seen.contains(id) else {
            keep(body, event, now, isVerified: true, note: "Came before")
            return .taken
        }
        do {
            try await act(on: event)
        } catch {
            // Not remembered as seen: Kubewa sends it again.
            problem = error
            publish()
            return .later
        }
        remember(id)
        say(event.line)
        keep(body, event, now, isVerified: true)
        return .taken
    }

    private func act(on event: WebhookEvent) async throws(ShopProblem) {
        switch event.event {
        // What goes wrong here is shown in the page; the next look at the accounts finds them all.
        case "accounts.success": try? await load()
        case "transaction.success", "transaction.updated": try await confirm(event)
        default: break
        }
    }

    /// Looks up what a thin event names, and marks the orders that it pays.
    private func confirm(_ event: WebhookEvent) async throws(ShopProblem) {
        guard let account = event.data.account, let day = book.waitsSince(account: account) else { return }
        // Old history, which comes after a link, pays no order.
        if let last = event.data.to, last < day { return }
        let named = Set(event.data.query?.ids ?? [])
        let transactions = try await kubewa.transactions(account: account, from: day).filter { named.contains($0.id) }
        problem = nil
        let paid = book.take(transactions, event: event.id)
        for order in paid {
            if let postedAt = posted.removeValue(forKey: order.account) {
                book.note(tookMs: (ContinuousClock.now - postedAt).wholeMilliseconds, order: order.id)
            }
            say("✓ order \(order.id) is paid: \(Naira.text(order.receivedMinor ?? 0))")
        }
        publish()
    }

    private func remember(_ id: String) {
        seen.insert(id)
        seenOrder.append(id)
        if seenOrder.count > Self.seenMax { seen.remove(seenOrder.removeFirst()) }
    }

    private func keep(
        _ body: [UInt8], _ event: WebhookEvent?, _ now: Date, isVerified: Bool = false, note: String? = nil
    ) {
        inboxCount += 1
        let entry = InboxEntry(
            number: inboxCount, event: event?.event ?? "unknown sender", at: now, account: event?.lastFour,
            isVerified: isVerified, note: note,
            body: String(decoding: body.prefix(Self.shownBytesMax), as: UTF8.self))
        inbox.append(entry)
        if inbox.count > Self.inboxMax { inbox.removeFirst() }
        send(message("webhook", entry))
    }

    // MARK: The page's buttons

    /// Reads the linked accounts anew.
    func load() async throws(ShopProblem) {
        do {
            accounts = try await kubewa.accounts()
            problem = nil
            publish()
        } catch {
            problem = error
            publish()
            throw error
        }
    }

    func place(account: String, amountMinor: Int64) async throws(ShopProblem) -> Order {
        guard accounts.contains(where: { $0.id == account }) else {
            throw .invalid("Link the account that the money goes to first.")
        }
        guard (1...Naira.orderMaxMinor).contains(amountMinor) else { throw .invalid("This is no price.") }
        let madeAt = try await kubewa.now()
        let order = Order(
            id: "order-\(UUID().uuidString.prefix(8).lowercased())", account: account, amountMinor: amountMinor,
            madeAt: madeAt)
        book.place(order)
        publish()
        return order
    }

    /// Plays the customer's bank.
    func send(order id: String, amountMinor: Int64, channel: String) async throws(ShopProblem) {
        guard let order = book.order(id), let account = accounts.first(where: { $0.id == order.account }) else {
            throw .invalid("This order is not known. The shop may have been restarted.")
        }
        guard (1...Naira.orderMaxMinor).contains(amountMinor), ["nip", "ussd"].contains(channel) else {
            throw .invalid("This cannot be sent.")
        }
        guard let number = account.number else {
            throw .invalid("The bank tells no number of this account. Choose another one.")
        }
        posted[account.id] = .now
        let way = channel == "ussd" ? "USSD" : "NIP"
        try await kubewa.post(
            Posting(
                institution: account.institution.slug, account: number, amountMinor: amountMinor,
                narration: "\(way)/ADA OBI/\(id)", channel: channel))
    }

    func order(_ id: String) -> Order? { book.order(id) }

    // MARK: Pages that watch

    /// Everything so far, then what happens.
    func watch() -> AsyncStream<String> {
        let (stream, continuation) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingNewest(256))
        watcherCount += 1
        let number = watcherCount
        if watchers.count >= Self.watchersMax, let oldest = watchers.keys.min() {
            watchers.removeValue(forKey: oldest)?.finish()
        }
        watchers[number] = continuation
        continuation.yield(message("shop", view()))
        for entry in inbox { continuation.yield(message("webhook", entry)) }
        return stream
    }

    /// Keeps quiet connections open, and finds those that are gone.
    func ping() { send(": still here\n\n") }

    private func publish() { send(message("shop", view())) }

    private func send(_ message: String) {
        for (number, watcher) in watchers {
            if case .terminated = watcher.yield(message) { watchers.removeValue(forKey: number) }
        }
    }

    private func view() -> ShopView {
        // Linked twice, an account is listed once, as it was linked last.
        var known: Set<String> = []
        let listed = accounts.filter { known.insert("\($0.institution.slug) \($0.number ?? $0.id)").inserted }
        return ShopView(
            began: began, accounts: listed.map(ShopView.Account.init), orders: book.orders.suffix(20),
            problem: problem)
    }

    private func message(_ event: String, _ value: some Encodable) -> String {
        "event: \(event)\ndata: \(ShopView.text(value))\n\n"
    }
}

/// What the page is told; no account number is whole.
struct ShopView: Encodable, Sendable {
    struct Account: Encodable, Sendable {
        let id: String
        let record: String
        let bank: String
        let name: String
        let lastFour: String?

        init(_ account: BankAccount) {
            id = account.id
            record = account.connection
            bank = account.institution.name
            name = account.name ?? "Account"
            lastFour = account.mask
        }
    }

    let began: String
    let accounts: [Account]
    let orders: [Order]
    let problem: ShopProblem?

    static func text(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        // Of texts, numbers and dates alone there is nothing that cannot be encoded.
        guard let bytes = try? encoder.encode(value) else { return "null" }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Amounts for people.
enum Naira {
    static let orderMaxMinor: Int64 = 100_000_000

    static func text(_ minor: Int64) -> String {
        let cents = minor % 100
        let whole = String(minor / 100)
        var grouped = ""
        for (index, digit) in whole.enumerated() {
            if index > 0, (whole.count - index).isMultiple(of: 3) { grouped.append(",") }
            grouped.append(digit)
        }
        return "₦\(grouped)" + (cents == 0 ? "" : "." + (cents < 10 ? "0" : "") + "\(cents)")
    }
}

extension Duration {
    fileprivate var wholeMilliseconds: Int64 { Int64(self / .milliseconds(1)) }
}
