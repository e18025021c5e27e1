import Crypto
import Testing

@testable import Storage

struct KeyCacheTests {
    private func owner(_ number: Int) -> KeyOwner { KeyOwner(environmentID: 1, connectionID: "c\(number)") }
    private let key = SymmetricKey(data: [UInt8](repeating: 1, count: 32))

    @Test("it never holds more than it may, and keeps what was used last")
    func bound() {
        var cache = KeyCache(max: 10)
        for number in 0..<100 {
            cache.keep(key, owner(number), 7)
            _ = cache.find(owner(0), 7)
            #expect(cache.count <= 10)
        }
        #expect(cache.find(owner(0), 7) != nil)
        #expect(cache.find(owner(99), 7) != nil)
        #expect(cache.find(owner(1), 7) == nil)
        #expect(cache.find(owner(99), 8) == nil)
    }

    @Test("removing an owner removes all its keys")
    func removing() {
        var cache = KeyCache(max: 10)
        for id in 1...3 { cache.keep(key, owner(0), Int64(id)) }
        cache.keep(key, owner(1), 1)
        cache.keep(key, owner(1), 1)
        #expect(cache.count == 4)
        cache.remove(owner(0))
        #expect(cache.count == 1)
        #expect(cache.find(owner(0), 2) == nil)
        #expect(cache.find(owner(1), 1) != nil)
    }
}
