import Foundation

/// Money that a bank reports on an account; amounts are whole kobo, and money out is negative.
struct BankTransaction: Decodable, Sendable {
    var id: String
    var account: String
    var status: String
    var amountMinor: Int64
    var currency: String
    var bookedOn: String
    /// Not every bank tells the time of day.
    var occurredAt: String?
    /// The narration, into which a customer may have put the order's id.
    var description: String?
}

/// What a customer owes, until the bank reports that it came in.
struct Order: Encodable, Sendable {
    enum State: String, Encodable { case waiting, paid }

    let id: String
    let account: String
    let amountMinor: Int64
    /// On the bank's clock, which in a sandbox can be ahead of this machine's.
    let madeAt: Date
    var state = State.waiting
    var receivedMinor: Int64?
    var transaction: String?
    var event: String?
    /// From the posting at the bank to this confirmation; known only when the shop's page played the bank.
    var tookMs: Int64?
    /// Credits that came in while it waits and are not enough.
    var tooLittleMinor: [Int64] = []
}

/// Which transaction pays which order. Nothing here waits or asks anybody.
struct OrderBook: Sendable {
    static let ordersMax = 1000

    private(set) var orders: [Order] = []
    /// Transactions that were counted: each pays one order, or was too little once.
    private var used: Set<String> = []

    mutating func place(_ order: Order) {
        orders.append(order)
        if orders.count > Self.ordersMax { orders.removeFirst() }
    }

    func order(_ id: String) -> Order? { orders.first { $0.id == id } }

    /// The first day from which an account's transactions matter; nil when no order waits for it.
    func waitsSince(account: String) -> String? {
        orders.filter { $0.state == .waiting && $0.account == account }.map { BankTime.day($0.madeAt) }.min()
    }

    /// Takes what an event reported. The same transaction again changes nothing.
    /// - Returns: the orders that are paid now.
    mutating func take(_ transactions: [BankTransaction], event: String) -> [Order] {
        var paid: [Order] = []
        for transaction in transactions where transaction.amountMinor > 0 && transaction.status == "booked" {
            guard transaction.currency == "NGN", !used.contains(transaction.id) else { continue }
            var waiting = orders.indices.filter { orders[$0].awaits(transaction) }
            guard !waiting.isEmpty else { continue }
            if let named = waiting.first(where: { transaction.names(orders[$0].id) }) { waiting = [named] }
            used.insert(transaction.id)
            let enough = waiting.filter { orders[$0].amountMinor <= transaction.amountMinor }
            // The order whose amount is nearest; of equal ones the oldest.
            guard let chosen = enough.max(by: { orders[$0].amountMinor < orders[$1].amountMinor }) else {
                for index in waiting { orders[index].tooLittleMinor.append(transaction.amountMinor) }
                continue
            }
            orders[chosen].state = .paid
            orders[chosen].receivedMinor = transaction.amountMinor
            orders[chosen].transaction = transaction.id
            orders[chosen].event = event
            paid.append(orders[chosen])
        }
        return paid
    }

    mutating func note(tookMs: Int64, order id: String) {
        guard let index = orders.firstIndex(where: { $0.id == id }) else { return }
        orders[index].tookMs = tookMs
    }
}

extension Order {
    /// Money on the order's account that came after the order was made.
    fileprivate func awaits(_ transaction: BankTransaction) -> Bool {
        guard state == .waiting, account == transaction.account else { return false }
        guard let text = transaction.occurredAt, let occurredAt = BankTime.instant(text) else {
            return transaction.bookedOn >= BankTime.day(madeAt)
        }
        // Some banks cut the time to whole seconds.
        return occurredAt.timeIntervalSince1970 >= madeAt.timeIntervalSince1970.rounded(.down)
    }
}

extension BankTransaction {
    /// Banks write narrations in capitals as they like.
    fileprivate func names(_ order: String) -> Bool { description?.lowercased().contains(order) ?? false }
}

/// Instants and days as Kubewa writes them.
enum BankTime {
    private static let form = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    /// Lagos is an hour ahead of UTC all the year.
    private static let lagosSeconds: TimeInterval = 3600

    /// nil for what is no instant.
    static func instant(_ text: String) -> Date? { try? form.parse(text) }

    static func day(_ instant: Date) -> String {
        String((instant + lagosSeconds).formatted(form).prefix(10))
    }
}
