import Crypto

/// Whom a data key belongs to; an empty connection is the environment itself.
struct KeyOwner: Hashable {
    let environmentID: Int64
    let connectionID: String

    /// What the wrapped data key is bound to, or a secret under it with its purpose.
    func bound(_ keyID: Int64, _ purpose: String? = nil) -> [UInt8] {
        let kind = purpose == nil ? "data key" : "secret"
        return SealedBox.bound([kind, String(environmentID), connectionID, purpose ?? ""], keyID: keyID)
    }
}

/// Unwrapped data keys; the half used longest ago makes room when it is full.
struct KeyCache {
    private struct Entry {
        var key: SymmetricKey
        var usedAt: UInt64
    }
    private let max: Int
    private var entries: [KeyOwner: [Int64: Entry]] = [:]
    private(set) var count = 0
    private var uses: UInt64 = 0

    init(max: Int) { self.max = max }

    mutating func find(_ owner: KeyOwner, _ id: Int64) -> SymmetricKey? {
        uses += 1
        entries[owner]?[id]?.usedAt = uses
        return entries[owner]?[id]?.key
    }

    mutating func keep(_ key: SymmetricKey, _ owner: KeyOwner, _ id: Int64) {
        if count >= max { forgetOlderHalf() }
        uses += 1
        if entries[owner, default: [:]].updateValue(Entry(key: key, usedAt: uses), forKey: id) == nil { count += 1 }
    }

    mutating func remove(_ owner: KeyOwner) { count -= entries.removeValue(forKey: owner)?.count ?? 0 }

    private mutating func forgetOlderHalf() {
        let times = entries.values.flatMap { $0.values.map(\.usedAt) }.sorted()
        let limit = times[times.count / 2]
        entries = entries.mapValues { $0.filter { $0.value.usedAt > limit } }.filter { !$0.value.isEmpty }
        count = entries.values.reduce(0) { $0 + $1.count }
    }
}
