/// Which waiting lanes get a hand when there are fewer hands than lanes, so that an environment with thousands of
/// endpoints holds up no other.
public enum FairHands {
    /// Of the hands that others leave, one environment gets this share at most: the rest is for who comes next.
    static let shareNumerator = 3
    static let shareDenominator = 4

    /// The environment with the fewest hands is next; within it, the lane that waits longest.
    /// - Parameters:
    ///   - waiting: the environments of the waiting lanes, the longest waiting first.
    ///   - held: hands by environment.
    ///   - free: hands to give.
    /// - Returns: indices of `waiting`.
    public static func choose(_ waiting: [Int64], held: [Int64: Int], free: Int) -> [Int] {
        var queues: [Int64: [Int]] = [:]
        for (index, environment) in waiting.enumerated() { queues[environment, default: []].append(index) }
        for key in queues.keys { queues[key]?.reverse() }
        var held = held
        var inUse = held.values.reduce(0, +)
        let total = inUse + free
        var chosen: [Int] = []
        while chosen.count < free {
            let next = queues.filter { !$0.value.isEmpty && mayHaveMore($0.key, held, inUse, total) }
                .min { left, right in
                    (held[left.key] ?? 0, left.value.last ?? 0) < (held[right.key] ?? 0, right.value.last ?? 0)
                }
            guard let environment = next?.key, let index = queues[environment]?.popLast() else { break }
            chosen.append(index)
            held[environment, default: 0] += 1
            inUse += 1
        }
        return chosen
    }

    private static func mayHaveMore(_ environment: Int64, _ held: [Int64: Int], _ inUse: Int, _ total: Int) -> Bool {
        let own = held[environment] ?? 0
        let left = total - (inUse - own)
        return own < max(1, left * shareNumerator / shareDenominator)
    }

    /// Environments that fill a look at the queue, so that others may be behind what was seen of it.
    public static func crowding(_ waiting: [Int64]) -> [Int64] {
        var counts: [Int64: Int] = [:]
        for environment in waiting { counts[environment, default: 0] += 1 }
        return counts.filter { $0.value * 8 >= waiting.count }.keys.sorted()
    }
}
