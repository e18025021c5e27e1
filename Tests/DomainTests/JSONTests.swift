import Domain
import Foundation
import Testing

struct JSONTests {
    @Test("a null member reads as one that is not there")
    func nulls() {
        let absent = JSONValue?.none
        #expect(JSONValue.null.unlessNull == absent)
        #expect(JSONValue.string("x").unlessNull == "x")
    }

    @Test("commas stand where they must, however deep")
    func structure() {
        var out = JSONWriter()
        out.object { out in
            out.member("a", "x")
            out.member("none", String?.none)
            out.array("list") { out in
                out.integer(1)
                out.object { _ in }
                out.array { $0.bool(false) }
                out.null()
            }
            out.object("empty") { _ in }
            out.member("b", true)
            out.amount("balance", minor: -5, scale: 2)
            out.amount("unknown", minor: nil)
            out.raw("meta", #"{"k":[1]}"#)
            out.member("at", Instant(ms: 0))
        }
        #expect(
            out.text == #"{"a":"x","none":null,"list":[1,{},[false],null],"empty":{},"b":true,"balance":-0.05,"#
                + #""unknown":null,"meta":{"k":[1]},"at":"1970-01-01T00:00:00.000Z"}"#)
    }

    @Test("every character is escaped so that another reader gets the same text")
    func escaping() throws {
        var text = ""
        for scalar in 0..<0x300 { text.unicodeScalars.append(try #require(Unicode.Scalar(UInt32(scalar)))) }
        text += "\u{2028}\u{2029}\u{FFFF}😀\\\"/"
        for value in [text, "", "plain", "\"", "\u{0}", "é", String(repeating: "\n", count: 300)] {
            var out = JSONWriter()
            out.array { $0.string(value) }
            #expect(try JSONDecoder().decode([String].self, from: Data(out.bytes)) == [value])
        }
        var out = JSONWriter()
        out.string("\u{1}\t\r\n\u{1f}\"\\/é")
        #expect(out.text == #""\u0001\t\r\n\u001f\"\\/é""#)
    }

    @Test("member names are escaped when they come from outside")
    func keys() throws {
        let value: JSONValue = .object(["a\"b\n": 1])
        #expect(value.encoded == #"{"a\"b\n":1}"#)
    }

    @Test(
        "amounts are exact", arguments: [(0, "0"), (7, "0.07"), (-120, "-1.2"), (Int64.min, "-92233720368547758.08")])
    func amounts(minor: Int64, text: String) {
        var out = JSONWriter()
        out.amount(minor: minor, scale: 2)
        #expect(out.text == text)
        #expect(text == Money.decimal(minor: minor, scale: 2))
    }

    @Test("integers are written whole", arguments: [0, -1, 9, 10, Int64.max, Int64.min])
    func integers(value: Int64) {
        var out = JSONWriter()
        out.integer(value)
        #expect(out.text == String(value))
    }

    @Test(
        "free JSON comes back as it was sent",
        arguments: [
            "null", "true", "0", "-12", "153.37", "0.1", "12345678901234567.89", "9223372036854775807", #""""#,
            #""é\n""#,
            "[]", "{}", #"[1,"2",[null],{"a":{"b":[true,false]}}]"#, #"{"a":1,"b":0.25,"c":"1"}"#,
        ])
    func freeJSON(text: String) throws {
        #expect(try JSONValue(parsing: Array(text.utf8)).encoded == text)
    }

    @Test("kinds are not mixed up")
    func kinds() throws {
        let value = try JSONValue(parsing: Array(#"{"n":1,"b":true,"s":"1","d":1.5,"z":null,"l":[0]}"#.utf8))
        #expect(value == ["n": 1, "b": true, "s": "1", "d": .decimal(1.5), "z": nil, "l": [0]])
        #expect(value["s"]?.text == "1")
        #expect(value["n"]?.text == nil)
        #expect(value["z"]?.isNull == true)
        #expect(value["none"] == nil)
        #expect(value["l"]?.elements == [0])
    }

    @Test(
        "what is no JSON is refused with the one error",
        arguments: [
            "", "{", "[1,]", "{\"a\"}", "nul", "'a'", "{a:1}", "\u{FEFF}x", "1 2",
            String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000),
        ])
    func invalid(text: String) {
        let error = #expect(throws: DomainError.self) { try JSONValue(parsing: Array(text.utf8)) }
        #expect(error?.code == .invalidJSON)
    }

    @Test("bytes that are no UTF-8 are refused")
    func invalidBytes() {
        #expect(throws: DomainError.self) { try JSONValue(parsing: [0x22, 0xff, 0xfe, 0x22]) }
    }
}
