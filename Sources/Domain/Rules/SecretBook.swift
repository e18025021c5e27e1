/// The secrets that a program was given and may repeat on its error output: those of the requests that it works on,
/// whatever their number, and the last ones of those that it has answered. What people typed has room of its own, so
/// that the many texts of grants and states never push a password out.
public struct SecretBook: Sendable {
    /// Texts of grants, states and settings that are remembered beyond their requests.
    public static let textsMax = 2048
    /// Answers of people that are.
    public static let answersMax = 512
    /// Of each of the two.
    public static let bytesMax = 1 << 20

    private var underWay: [Int64: Set<String>] = [:]
    private var texts = Recent(countMax: textsMax, bytesMax: bytesMax)
    private var answers = Recent(countMax: answersMax, bytesMax: bytesMax)
    private var mask = SecretMask()
    /// What the mask knows.
    private var masked: Set<String> = []
    private var isStale = false

    public init() {}

    /// A request is given to the program.
    public mutating func begin(_ number: Int64, texts: [String], answers: [String]) {
        let all = Set(texts + answers)
        underWay[number] = all
        self.texts.remember(texts)
        self.answers.remember(answers)
        isStale = isStale || !all.isSubset(of: masked)
    }

    /// The program has answered it.
    public mutating func end(_ number: Int64) { underWay[number] = nil }

    /// The program has ended.
    public mutating func endAll() { underWay = [:] }

    /// Knows all of them; it is made anew only when there are others than the last time.
    public mutating func currentMask() -> SecretMask {
        guard isStale else { return mask }
        isStale = false
        var wanted = texts.all.union(answers.all)
        for secrets in underWay.values { wanted.formUnion(secrets) }
        if masked.count > 2 * wanted.count {
            mask = SecretMask()
            masked = []
        }
        for secret in wanted.subtracting(masked) { mask.add(secret) }
        masked.formUnion(wanted)
        return mask
    }

    /// The texts that came last, each once.
    private struct Recent: Sendable {
        let countMax: Int
        let bytesMax: Int
        private var places: [String: Int] = [:]
        private var last = 0
        private var bytes = 0

        init(countMax: Int, bytesMax: Int) {
            self.countMax = countMax
            self.bytesMax = bytesMax
        }

        var all: Set<String> { Set(places.keys) }

        mutating func remember(_ texts: [String]) {
            for text in texts {
                last += 1
                if places.updateValue(last, forKey: text) == nil { bytes += text.utf8.count }
            }
            // Seldom, so that a text costs little.
            if places.count > 2 * countMax || bytes > 2 * bytesMax { forget() }
        }

        private mutating func forget() {
            let newest = places.sorted { $0.value > $1.value }
            (places, bytes) = ([:], 0)
            for (text, place) in newest.prefix(countMax) {
                guard bytes + text.utf8.count <= bytesMax else { return }
                places[text] = place
                bytes += text.utf8.count
            }
        }
    }
}
