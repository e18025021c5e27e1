import NIOCore
import Testing

@testable import Outbound

struct ProgramLinesTests {
    private func feed(_ lines: inout ProgramLines, _ text: String) throws -> [String] {
        try lines.feed(ByteBuffer(string: text).readableBytesView).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test("lines come whole, however they are cut")
    func pieces() throws {
        let text = "{\"id\":1}\r\n\n{\"id\":2}\n{\"id\""
        for size in 1...text.utf8.count {
            var lines = ProgramLines(bytesMax: 9)
            var found: [String] = []
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                found += try feed(&lines, String(decoding: rest.prefix(size), as: UTF8.self))
                rest = rest.dropFirst(size)
            }
            #expect(found == ["{\"id\":1}", "{\"id\":2}"])
            #expect(lines.flush() == Array("{\"id\"".utf8))
        }
    }

    @Test("a line that is too long is refused before it ends, or cut where that is wanted")
    func tooLong() throws {
        var lines = ProgramLines(bytesMax: 4)
        #expect(throws: ProgramLines.TooLong.self) { try feed(&lines, "12345") }
        var cut = ProgramLines(bytesMax: 4, cutsLong: true)
        #expect(try feed(&cut, "123") == [])
        #expect(try feed(&cut, "4567\n89\n") == ["1234", "89"])
    }

    @Test(
        "the number of an answer is found wherever it stands in the outermost object",
        arguments: [
            (#"{"id":7}"#, 7), (#" { "id" : 7 , "result": {}}"#, 7), (#"{"result":{"id":3,"a":[{"id":4}]},"id":7}"#, 7),
            (#"{"a":"\"id\":9,","b":"\\","id":7}"#, 7), (#"{"a":null,"b":-1.5e3,"c":[1,"]"],"id":7}"#, 7),
        ] as [(String, Int64)])
    func number(_ line: String, _ number: Int64) {
        #expect(ProgramAnswer.number(of: Array(line.utf8)) == number)
    }

    @Test(
        "what is no answer has none",
        arguments: [
            "", "{", "{}", "[]", "hello", #"["id",7]"#, #"{"id":"7"}"#, #"{"id":-7}"#, #"{"id":7.5}"#, #"{"id":}"#,
            #"{"id":99999999999999999999}"#, #"{"ID":7}"#, #"{"a":{"id":7}}"#, #"{"a":"id"#, #"{"id":7"#, #"{"a\"#,
        ])
    func none(_ line: String) {
        #expect(ProgramAnswer.number(of: Array(line.utf8)) == nil)
    }
}
