import Domain
import Testing

@Suite("What is kept of a receiver's reply")
struct ReplyMaskTests {
    private func kept(_ reply: String, _ secrets: [String] = [], complete: String? = nil) -> String {
        String(
            decoding: ReplyMask.kept(Array(reply.utf8), secrets: secrets, complete: complete.map { Array($0.utf8) }),
            as: UTF8.self)
    }

    private let body = """
        {"event":"identity.success","data":{"name":"Ada \\"A\\" Obi","nuban":"0123456789","mail":"ada@x.ng"}}
        """

    @Test("an ordinary reply stays as it is")
    func ordinary() {
        for reply in [
            "", "ok", "{\"received\":true,\"id\":\"evt_12\"}", "<h1>500</h1>\n at line 12\n", "accepted 2024-01-15",
        ] {
            #expect(kept(reply, ["tok-1", "k3y"], complete: body) == reply)
            #expect(kept(reply) == reply)
        }
    }

    @Test("tokens and headers are hidden in each form in which programs repeat them, and so is what follows Bearer")
    func secrets() {
        for reply in ["authorization: Bearer tok-SECRET/1", "{\"h\":\"tok-SECRET%2F1\"}", "x dG9rLVNFQ1JFVC8x y"] {
            let told = kept(reply, ["tok-SECRET/1"])
            #expect(!told.contains("tok-SECRET") && !told.contains("dG9rLVNF"), "\(told)")
        }
        #expect(!kept("authorization: Bearer abcdefgh").contains("abcdefgh"))
        #expect(!kept("{\"customerBvn\":\"22212345678\"}").contains("22212345678"))
    }

    @Test("a reply that repeats what a complete body tells of people is not kept; one to a thin body is")
    func echo() {
        let head = String(repeating: "x-header: value\n", count: 8)
        for part in [body, "\"Ada \\\"A\\\" Obi\"", "ada@x.ng", "ada%40x.ng", "nuban=0123456789"] {
            #expect(kept(head + part, complete: body) == "[hidden: the reply repeats what was sent]", "\(part)")
            #expect(kept(head + part).hasPrefix(head))
        }
        #expect(kept("got 9876543210", complete: body) == "got [hidden]")
        #expect(kept(head + "evt 1", complete: body) == head + "evt 1")
        #expect(kept(head, complete: "no JSON") == head)
    }
}
