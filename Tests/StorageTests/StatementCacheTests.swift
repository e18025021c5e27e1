import Testing

@testable import Storage

struct StatementCacheTests {
    @Test("the one used longest ago makes room")
    func eviction() {
        var cache = StatementCache<Int>(max: 2)
        #expect(cache.insert(1, for: "a") == nil)
        #expect(cache.insert(2, for: "b") == nil)
        #expect(cache["a"] == 1)
        #expect(cache.insert(3, for: "c") == 2)
        #expect(cache["b"] == nil && cache["a"] == 1 && cache["c"] == 3)
        cache.remove("a")
        #expect(cache["a"] == nil)
        #expect(cache.insert(4, for: "d") == nil)
    }
}
