import Domain
import Testing

@Suite("Parts of an event")
struct EventPartsTests {
    private static let members = """
        "event":"transaction.success","event_id":"evt_0000000000000000042","sequence":7,"data":{"account":"a",\
        "count":2,"resource":[{"id":"x"},{"id":"y"}],"query":{"method":"POST","path":"/api/v1/transactions/lookup",\
        "body":{"event_id":"evt_0000000000000000042"},"ids":["x","y"],"from":"2024-01-14","to":"2024-01-15",\
        "count":2}},"new_transactions":2,"options":{"user":"42"}
        """

    private func part(_ number: Int) throws -> JSONValue {
        let members = try EventParts.body(Array(Self.members.utf8), part: number)
        return try JSONValue(parsing: [UInt8(ascii: "{")] + members + [UInt8(ascii: "}")])
    }

    @Test("each part tells of one row, under an id of its own and the event's sequence number")
    func split() throws {
        let parts = try EventParts(Array(Self.members.utf8))
        #expect(parts.count == 2 && parts.rows == ["x", "y"])
        #expect(parts.days?.from == "2024-01-14" && parts.days?.to == "2024-01-15")
        for (number, id) in [(1, "x"), (2, "y")] {
            let body = try part(number)
            #expect(body["event_id"] == .string("evt_0000000000000000042_\(number)"))
            #expect(body["sequence"] == 7)
            #expect(body["new_transactions"] == 1)
            #expect(body["options"] == ["user": "42"])
            let data = try #require(body["data"])
            #expect(data["count"] == 1 && data["part"] == .integer(Int64(number)) && data["parts"] == 2)
            #expect(data["resource"] == [["id": .string(id)]])
            #expect(data["query"]?["ids"] == [.string(id)] && data["query"]?["count"] == 1)
            #expect(data["query"]?["body"] == ["event_id": .string("evt_0000000000000000042_\(number)")])
        }
    }

    @Test("part 0 is the event itself, byte by byte, and a part that there is not is the whole event")
    func whole() throws {
        #expect(try EventParts.body(Array(Self.members.utf8), part: 0) == Array(Self.members.utf8))
        #expect(try part(3)["event_id"] == "evt_0000000000000000042")
        #expect(try part(3)["data"]?["count"] == 2)
    }

    @Test("a removed row is named by its part")
    func removed() throws {
        let members = Self.members.replacing("\"new_transactions\":2", with: "\"removed_transactions\":[\"x\",\"y\"]")
        let body = try EventParts.body(Array(members.utf8), part: 2)
        #expect(String(decoding: body, as: UTF8.self).contains("\"removed_transactions\":[\"y\"]"))
    }
}
