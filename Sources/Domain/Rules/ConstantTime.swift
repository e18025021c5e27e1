/// Comparing what is secret.
public enum ConstantTime {
    /// Whether two texts are the same, in a time that tells nothing of where they differ.
    public static func isEqual(_ one: String, _ other: String) -> Bool {
        let (left, right) = (Array(one.utf8), Array(other.utf8))
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for place in left.indices { difference |= left[place] ^ right[place] }
        return difference == 0
    }
}
