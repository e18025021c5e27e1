import Domain
import Testing

@Suite("The log of deliveries")
struct DeliveryLogTests {
    @Test("a delivery stands where its queue and its last attempt say")
    func states() {
        #expect(DeliveryState(isQueued: true, last: nil) == .waiting)
        #expect(DeliveryState(isQueued: true, last: "retry") == .failed)
        #expect(DeliveryState(isQueued: false, last: "delivered") == .delivered)
        #expect(DeliveryState(isQueued: false, last: "dead") == .dead)
        #expect(DeliveryState(isQueued: false, last: "quarantined") == .quarantined)
        #expect(DeliveryState(isQueued: false, last: "retry") == .dropped)
        #expect(DeliveryState(isQueued: false, last: nil) == .dropped)
    }

    @Test("ids are read as they are written, and nothing else is an id")
    func ids() {
        let delivery = LogID.delivery(LogID.delivery(event: 7, 9))
        #expect(delivery?.event == 7 && delivery?.delivery == 9)
        let place = AttemptPlace(at: Instant(ms: 1_700_000_000_123), delivery: 9, number: 2)
        #expect(LogID.attempt(LogID.attempt(place)) == place)
        #expect(LogID.event(LogID.event(42)) == 42)
        #expect(LogID.event(LogID.event(42) + "_3") == 42)
        for text in ["", "dlv_", "dlv_1", "dlv_1_", "dlv_1_2_3", "dlv_a_b", "evt_1_2"] {
            #expect(LogID.delivery(text) == nil, "\(text)")
        }
        for text in ["", "evt_", "evt_x", "evt_1_2_3", "evt__1", "dlv_1"] {
            #expect(LogID.event(text) == nil, "\(text)")
        }
        for text in ["dlv_-1_2", "dlv_1_-9223372036854775808", "dlv_1_9223372036854775808"] {
            #expect(LogID.delivery(text) == nil, "\(text)")
        }
        #expect(LogID.event("evt_-9223372036854775808") == nil)
        for text in ["att_1_2", "att_1_2_3_4", "att_1_2_x", "att_-9223372036854775808_1_1"] {
            #expect(LogID.attempt(text) == nil, "\(text)")
        }
    }

    @Test("a cursor is good for the walk that wrote it, and no other")
    func cursors() {
        let place = DeliveryPlace(.feed, 12, 34, delivery: 56)
        #expect(DeliveryPlace(text: place.text, .feed) == place)
        #expect(DeliveryPlace(text: place.text, .queue) == nil)
        #expect(DeliveryPlace(text: "feed_1_2", .feed) == nil)
        #expect(DeliveryPlace(text: "feed_1_2_3_4", .feed) == nil)
        #expect(DeliveryPlace(text: "feed_0_\(Int64.min)_\(Int64.max)", .feed) == nil)
        #expect(DeliveryPlace(text: "feed_\(Int64.max)_\(Int64.max)_\(Int64.max)", .feed) != nil)
    }

    @Test("each filter walks where the fewest rows lie")
    func walks() {
        func walk(_ filter: LogFilter) -> DeliveryPlace.Walk { DeliveryPlace.Walk(filter) }
        #expect(walk(LogFilter()) == .feed)
        #expect(walk(LogFilter(event: 1, states: [.waiting])) == .event)
        #expect(walk(LogFilter(connection: "c", states: [.dead])) == .connection)
        #expect(walk(LogFilter(states: [.waiting, .failed])) == .queue)
        #expect(walk(LogFilter(states: [.dead, .quarantined])) == .failed)
        #expect(walk(LogFilter(states: [.dead, .failed])) == .feed)
        #expect(walk(LogFilter(types: ["balance.*"], states: [.delivered])) == .feed)
    }

    @Test("types are named whole or by group, times include both ends")
    func filters() {
        let filter = LogFilter(
            types: ["transaction.*", "balance.success"], from: Instant(ms: 10), to: Instant(ms: 20))
        #expect(filter.wants(type: "transaction.removed") && filter.wants(type: "balance.success"))
        #expect(!filter.wants(type: "balance.failed") && !filter.wants(type: "transactions.removed"))
        #expect(filter.wants(at: Instant(ms: 10)) && filter.wants(at: Instant(ms: 20)))
        #expect(!filter.wants(at: Instant(ms: 9)) && !filter.wants(at: Instant(ms: 21)))
        #expect(LogFilter().wants(type: "x") && LogFilter().wants(.dropped))
    }

    @Test("a replay's lane names its endpoint and its job, and no other lane does")
    func lanes() {
        let lane = ReplayLane(endpointID: "abc", replayID: 12)
        #expect(ReplayLane(subject: lane.subject) == lane)
        for subject in ["abc", "abc:def", "abc:replay", "abc:replay:x", "abc:replay:1:2"] {
            #expect(ReplayLane(subject: subject) == nil, "\(subject)")
        }
    }
}

@Suite("How a filter of the log is written")
struct LogFilterReadingTests {
    @Test("a type that is no event is refused, and the nearest one is named")
    func types() throws {
        #expect(try LogFilter.types(["record.*", "balance.success"]) == ["record.*", "balance.success"])
        let near = #expect(throws: DomainError.self) { try LogFilter.types(["balance.sucess"]) }
        #expect(near?.message.contains("Did you mean `balance.success`?") == true)
        #expect(throws: DomainError.self) { try LogFilter.types(["foo"]) }
        #expect(throws: DomainError.self) { try LogFilter.types(Array(repeating: "balance.*", count: 51)) }
    }

    @Test("a day is the bank's, from its beginning to its end")
    func days() throws {
        #expect(try LogFilter.instant("2024-01-31", "from", isEnd: false) == Instant(iso: "2024-01-30T23:00:00Z"))
        #expect(try LogFilter.instant("2024-01-31", "to", isEnd: true) == Instant(iso: "2024-01-31T22:59:59.999Z"))
        #expect(try LogFilter.instant(nil, "to", isEnd: true) == nil)
        #expect(throws: DomainError.self) { try LogFilter.instant("2024-02-30", "to", isEnd: true) }
        #expect(throws: DomainError.self) { try LogFilter.check(from: Instant(ms: 2), to: Instant(ms: 1)) }
        try LogFilter.check(from: Instant(ms: 2), to: Instant(ms: 2))
    }
}

@Suite("What is secret or said in other words")
struct WordingTests {
    @Test("texts are compared to their end")
    func constantTime() {
        #expect(ConstantTime.isEqual("abc", "abc") && ConstantTime.isEqual("", ""))
        #expect(!ConstantTime.isEqual("abc", "abd") && !ConstantTime.isEqual("abc", "bbc"))
        #expect(!ConstantTime.isEqual("abc", "abcd") && !ConstantTime.isEqual("abcd", "abc"))
    }

    @Test("an error names options where members are not known")
    func naming() {
        let error = DomainError.invalid("event_types", "has `balance.lost`; beside `types` nothing is.")
        let told = error.naming(["event_types": "--event-type", "types": "--types"])
        #expect(told.message == "`--event-type` has `balance.lost`; beside `--types` nothing is.")
        #expect(told.field == "--event-type" && told.code == .invalidField)
        #expect(DomainError.notFound("event").naming(["event": "--event"]) == .notFound("event"))
    }
}

@Suite("What is sent again")
struct ReplayRequestTests {
    @Test("a request is kept as it was asked")
    func kept() throws {
        let request = ReplayRequest(
            event: 5, types: ["balance.*"], connection: "5d6fe57a4099cc4b210bbec0", states: [.dead, .quarantined],
            neverAttempted: true, from: Instant(ms: 1000), to: Instant(ms: 2000))
        for one in [request, ReplayRequest(), ReplayRequest(types: ["a.b"]), ReplayRequest(connection: "")] {
            var out = JSONWriter()
            out.object { one.write(&$0) }
            #expect(try ReplayRequest(json: out.bytes) == one)
            #expect(one.connection != "" || out.text.contains("\"connection\":\"none\""))
        }
        #expect(ReplayRequest().isEmpty && !request.isEmpty)
    }

    @Test("what was tried or waits is not among the never attempted")
    func neverAttempted() {
        let request = ReplayRequest(neverAttempted: true)
        #expect(request.wants([]))
        #expect(!request.wants([(.waiting, false)]))
        #expect(!request.wants([(.delivered, true)]))
        #expect(!request.wants([(.dropped, true)]))
        #expect(request.wants([(.dropped, false)]))
    }

    @Test("a status asks for events of which one delivery stands so")
    func statuses() {
        let request = ReplayRequest(states: [.dead])
        #expect(!request.wants([]))
        #expect(!request.wants([(.delivered, true)]))
        #expect(request.wants([(.delivered, true), (.dead, true)]))
        #expect(ReplayRequest(types: ["x"]).wants([(.delivered, true)]))
    }

    @Test("of events from the newest on, the first of each product and account is chosen")
    func latest() {
        let events = [
            ("transaction.removed", "1"), ("record.repaired", ""), ("balance.success", "1"), ("balance.failed", ""),
            ("balance.success", "2"), ("transaction.success", "1"), ("balance.success", "1"), ("auth.success", ""),
        ]
        let chosen = LatestEvents.choose(
            events, products: Set(LatestEvents.products), type: { $0.0 }, account: { $0.1.isEmpty ? nil : $0.1 })
        #expect(
            chosen.map { "\($0.0) \($0.1)" } == [
                "transaction.removed 1", "balance.success 1", "balance.failed ", "balance.success 2", "auth.success ",
            ])
        #expect(LatestEvents.choose(events, products: ["auth"], type: { $0.0 }, account: { _ in nil }).count == 1)
    }
}
