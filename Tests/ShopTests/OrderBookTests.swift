import Foundation
import Testing

@testable import Shop

/// 15 January 2024, ten in the morning in Lagos.
let tenOClock = Date(timeIntervalSince1970: 1_705_309_200)

func order(_ id: String = "o1", _ amountMinor: Int64 = 450_000, account: String = "a1", madeAt: Date = tenOClock)
    -> Order
{
    Order(id: id, account: account, amountMinor: amountMinor, madeAt: madeAt)
}

func credit(
    _ id: String = "t1", _ amountMinor: Int64 = 450_000, account: String = "a1", status: String = "booked",
    currency: String = "NGN", bookedOn: String = "2024-01-15", occurredAt: String? = "2024-01-15T09:00:03.000Z",
    description: String? = nil
) -> BankTransaction {
    BankTransaction(
        id: id, account: account, status: status, amountMinor: amountMinor, currency: currency, bookedOn: bookedOn,
        occurredAt: occurredAt, description: description)
}

@Suite("Which transfer pays which order")
struct OrderBookTests {
    private func paid(_ orders: [Order], _ transactions: [BankTransaction]) -> [String] {
        var book = OrderBook()
        for order in orders { book.place(order) }
        return book.take(transactions, event: "evt_1").map(\.id)
    }

    @Test("a credit of the amount on the account pays the order, and the order says by what")
    func right() throws {
        var book = OrderBook()
        book.place(order())
        #expect(book.take([credit()], event: "evt_7").map(\.id) == ["o1"])
        let paid = try #require(book.order("o1"))
        #expect(paid.state == .paid)
        #expect(paid.receivedMinor == 450_000)
        #expect(paid.transaction == "t1")
        #expect(paid.event == "evt_7")
    }

    @Test("more than the amount pays it too")
    func more() { #expect(paid([order()], [credit("t1", 450_001)]) == ["o1"]) }

    @Test("a kobo too little pays nothing, and is told")
    func less() throws {
        var book = OrderBook()
        book.place(order())
        #expect(book.take([credit("t1", 449_999)], event: "evt_1").isEmpty)
        #expect(book.order("o1")?.tooLittleMinor == [449_999])
        #expect(book.order("o1")?.state == .waiting)
    }

    @Test("a debit, another account, another currency and a pending credit pay nothing")
    func others() {
        #expect(paid([order()], [credit("t1", -450_000)]).isEmpty)
        #expect(paid([order()], [credit(account: "a2")]).isEmpty)
        #expect(paid([order()], [credit(currency: "USD")]).isEmpty)
        #expect(paid([order()], [credit(status: "pending")]).isEmpty)
    }

    @Test("a pending credit pays when it is booked")
    func pendingThenBooked() {
        var book = OrderBook()
        book.place(order())
        #expect(book.take([credit(status: "pending")], event: "evt_1").isEmpty)
        #expect(book.take([credit()], event: "evt_2").map(\.id) == ["o1"])
    }

    @Test("money that came before the order pays nothing")
    func earlier() {
        #expect(paid([order()], [credit(occurredAt: "2024-01-15T08:59:59.999Z")]).isEmpty)
        #expect(paid([order()], [credit(occurredAt: "2024-01-15T09:00:00.000Z")]) == ["o1"])
    }

    @Test("a bank that cuts its times to seconds still pays an order of the same second")
    func sameSecond() {
        let late = order(madeAt: tenOClock + 0.9)
        #expect(paid([late], [credit(occurredAt: "2024-01-15T09:00:00.000Z")]) == ["o1"])
    }

    @Test("without a time of day the day decides, which is that of Lagos")
    func daysOnly() {
        // Half past eleven in the evening UTC is the next day in Lagos.
        let night = order(madeAt: tenOClock + 14.5 * 3600)
        #expect(paid([night], [credit(bookedOn: "2024-01-15", occurredAt: nil)]).isEmpty)
        #expect(paid([night], [credit(bookedOn: "2024-01-16", occurredAt: nil)]) == ["o1"])
    }

    @Test("one transaction pays one order only, however often it is told")
    func once() {
        var book = OrderBook()
        book.place(order("o1"))
        book.place(order("o2"))
        #expect(book.take([credit("t1"), credit("t1")], event: "evt_1").map(\.id) == ["o1"])
        #expect(book.take([credit("t1")], event: "evt_2").isEmpty)
        #expect(book.take([credit("t2")], event: "evt_3").map(\.id) == ["o2"])
    }

    @Test("of several orders the one with the nearest amount is paid, of equal ones the oldest")
    func nearest() {
        let orders = [
            order("small", 100_000), order("first", 450_000), order("second", 450_000), order("big", 900_000),
        ]
        #expect(paid(orders, [credit("t1", 500_000)]) == ["first"])
        #expect(paid(orders, [credit("t1", 500_000), credit("t2", 450_000)]) == ["first", "second"])
        #expect(paid(orders, [credit("t1", 900_000)]) == ["big"])
    }

    @Test("an order whose id stands in the narration comes before all others, and takes too little alone")
    func named() {
        var book = OrderBook()
        for id in ["o1", "o2"] { book.place(order(id)) }
        #expect(book.take([credit("t1", 400_000, description: "NIP/ADA OBI/O2")], event: "evt_1").isEmpty)
        #expect(book.order("o1")?.tooLittleMinor == [])
        #expect(book.order("o2")?.tooLittleMinor == [400_000])
        #expect(book.take([credit("t2", description: "NIP/ADA OBI/O2")], event: "evt_2").map(\.id) == ["o2"])
        #expect(book.take([credit("t3", description: "NIP/ADA OBI/O2")], event: "evt_3").map(\.id) == ["o1"])
    }

    @Test("it waits from the day of the oldest waiting order of an account")
    func waitsSince() {
        var book = OrderBook()
        #expect(book.waitsSince(account: "a1") == nil)
        book.place(order("o1"))
        book.place(order("o2", madeAt: tenOClock + 86_400))
        #expect(book.waitsSince(account: "a1") == "2024-01-15")
        #expect(book.waitsSince(account: "a2") == nil)
        _ = book.take([credit()], event: "evt_1")
        #expect(book.waitsSince(account: "a1") == "2024-01-16")
    }

    @Test(
        "amounts are told in naira",
        arguments: [
            (450_000, "₦4,500"), (100, "₦1"), (5, "₦0.05"), (123_456_789, "₦1,234,567.89"), (100_000, "₦1,000"),
        ])
    func naira(minor: Int64, text: String) { #expect(Naira.text(minor) == text) }
}
