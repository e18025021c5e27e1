/// What is typed while `kubewa listen` runs.
enum TypedLine: Equatable {
    case again(Again)
    case help
    case nothing

    /// What is to be sent once more.
    enum Again: Equatable {
        /// So many of the last ones.
        case last(Int)
        /// What the handler did not take when it was sent the last time.
        case failed
    }

    static let choices =
        "r sends the last event again, r 5 the last five, r all what is kept, r failed what was not taken"

    init(_ line: String) {
        let words = line.split(whereSeparator: \.isWhitespace).map { $0.lowercased() }
        switch (words.first, words.dropFirst().first, words.count) {
        case (nil, _, _): self = .nothing
        case ("r", nil, 1): self = .again(.last(1))
        case ("r", "all", 2): self = .again(.last(.max))
        case ("r", "failed", 2): self = .again(.failed)
        case ("r", .some(let count), 2):
            guard let count = Int(count), count > 0 else {
                self = .help
                return
            }
            self = .again(.last(count))
        default: self = .help
        }
    }
}
