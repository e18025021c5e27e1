import Domain
import Testing

struct IDTests {
    private enum Thing {}

    @Test("ids of one process sort in the order they were made")
    func ordered() {
        let generator = IDGenerator(process: [1, 2, 3, 4, 5], start: 0x00ff_fff0 - 2000)
        var ids: [ID<Thing>] = []
        for step in 0..<1000 { ids.append(generator.next(at: Instant(ms: 1_700_000_000_000 + Int64(step) * 7))) }
        #expect(ids == ids.sorted())
        #expect(Set(ids).count == ids.count)
        #expect(ids[0].hex.hasPrefix("6553f1000102030405"))
    }

    @Test("the counter wraps without repeating within a second")
    func wraps() {
        let generator = IDGenerator(process: [9, 9, 9, 9, 9], start: .max - 5)
        let ids = (0..<20).map { _ in generator.next(at: Instant(ms: 0)) as ID<Thing> }
        #expect(Set(ids).count == 20)
        #expect(ids.allSatisfy { $0.hex.utf8.count == 24 })
    }

    @Test("many tasks never get one id twice")
    func concurrent() async {
        let generator = IDGenerator(process: [0, 0, 0, 0, 0], start: 0)
        let all = await withTaskGroup(of: [ID<Thing>].self) { group in
            for _ in 0..<8 { group.addTask { (0..<500).map { _ in generator.next(at: Instant(ms: 5)) } } }
            return await group.reduce(into: Set<ID<Thing>>()) { $0.formUnion($1) }
        }
        #expect(all.count == 4000)
    }

    @Test("24 hexadecimal digits are an id, in lower case")
    func reads() {
        #expect(ID<Thing>("5F9A7C2E0123456789ABCDEF")?.hex == "5f9a7c2e0123456789abcdef")
        for text in [
            "", "5f9a7c2e0123456789abcde", "5f9a7c2e0123456789abcdef0", "5f9a7c2e0123456789abcdeg",
            "5f9a7c2e0123456789abcd\u{e9}", " 5f9a7c2e0123456789abcdef",
        ] {
            #expect(ID<Thing>(text) == nil, "\(text)")
        }
    }

    @Test("hexadecimal text goes there and back")
    func hex() {
        let all = Array(UInt8.min...UInt8.max)
        #expect(Hex.decode(Hex.encode(all)) == all)
        #expect(Hex.decode("0aFf") == [10, 255])
        #expect(Hex.decode("abc") == nil)
        #expect(Hex.decode("zz") == nil)
    }
}
