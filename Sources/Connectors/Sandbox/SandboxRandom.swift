/// SplitMix64: the same numbers from the same seed, on every machine.
struct SandboxRandom {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }
    mutating func between(_ low: Int64, _ high: Int64) -> Int64 { low + Int64(next() % UInt64(high - low + 1)) }
    mutating func isOneIn(_ count: Int) -> Bool { below(count) == 0 }
    mutating func pick<T>(_ values: [T]) -> T { values[below(values.count)] }

    /// A seed out of another one and a number.
    static func mix(_ seed: UInt64, _ value: Int) -> UInt64 {
        var random = SandboxRandom(seed ^ (UInt64(bitPattern: Int64(value)) &* 0xD6E8_FEB8_6659_FD93))
        return random.next()
    }

    /// A seed out of text (FNV-1a).
    static func seed(_ text: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return mix(hash, 0)
    }
}
