import Domain
import Testing

/// Which secrets are still known when a program says something.
struct SecretBookTests {
    private func hides(_ book: inout SecretBook, _ secret: String) -> Bool {
        !book.currentMask().mask("it said \(secret)").contains(secret)
    }

    @Test("what a person typed is still known after the texts of many grants and states, however often they come")
    func answersStay() {
        var book = SecretBook()
        book.begin(1, texts: (0..<300).map { "state-text-\($0)-x" }, answers: ["hunter-Zq"])
        book.end(1)
        for number in 2..<200 {
            book.begin(Int64(number), texts: (0..<30).map { "grant-\(number)-\($0)-x" } + ["grant-of-all"], answers: [])
            book.end(Int64(number))
        }
        #expect(hides(&book, "hunter-Zq"))
        #expect(hides(&book, "grant-of-all"))
        #expect(hides(&book, "grant-199-29-x"))
    }

    @Test("what belongs to a request under way is known, whatever its number and whatever came since")
    func underWay() {
        var book = SecretBook()
        let many = (0..<(3 * SecretBook.textsMax)).map { "text-\($0)-of-a-state" }
        book.begin(1, texts: many, answers: [])
        for number in 2..<60 {
            book.begin(Int64(number), texts: (0..<200).map { "other-\(number)-\($0)-x" }, answers: [])
            book.end(Int64(number))
        }
        #expect(hides(&book, "text-0-of-a-state"))
        #expect(hides(&book, many[many.count - 1]))
    }

    @Test("what is remembered beyond its request has an end in number and in bytes")
    func bounded() {
        var book = SecretBook()
        book.begin(0, texts: ["the-first-of-all"], answers: [])
        book.end(0)
        for number in 1...(3 * SecretBook.textsMax) {
            book.begin(Int64(number), texts: ["text-\(number)-of-many"], answers: [])
            book.end(Int64(number))
        }
        #expect(!hides(&book, "the-first-of-all"))
        book.begin(-1, texts: ["before-the-large-ones"], answers: [])
        book.end(-1)
        for number in 1...80 {
            book.begin(Int64(-1 - number), texts: [String(repeating: "\(number)abc", count: 10_000)], answers: [])
            book.endAll()
        }
        #expect(!hides(&book, "before-the-large-ones"))
    }
}
