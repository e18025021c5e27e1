import Domain
import Testing

/// What is kept of a bank's answer.
struct PayloadMaskTests {
    private func masked(_ text: String) -> String {
        String(decoding: PayloadMask.mask(Array(text.utf8)), as: UTF8.self)
    }

    @Test(
        "values of secret members are hidden at any depth, whatever their names' spelling",
        arguments: [
            (#"{"access_token":"abc","a":1}"#, #"{"access_token":"***","a":1}"#),
            (#"{"data":{"clientSecret" : "a\"b" }}"#, #"{"data":{"clientSecret" : "***" }}"#),
            (#"[{"BVN":22212345678},{"bvn":"22212345678"}]"#, #"[{"BVN":"***"},{"bvn":"***"}]"#),
            (#"{"mono-sec-key":"live_sk_x","Password":"p"}"#, #"{"mono-sec-key":"***","Password":"***"}"#),
            (#"{"tokens":1,"token":null,"otp":[ "1", 2 ]}"#, #"{"tokens":1,"token":null,"otp":["***","***"]}"#),
            (#"{"token":{"value":"kept","secret":"x"}}"#, #"{"token":{"value":"kept","secret":"***"}}"#),
            (#"{"message":"Authorization: Bearer abc.def"}"#, #"{"message":"Authorization: Bearer ***"}"#),
            ("<html>bearer abc</html>", "<html>bearer ***</html>"),
        ])
    func hidden(_ text: String, _ kept: String) { #expect(masked(text) == kept) }

    @Test(
        "everything else stays byte for byte",
        arguments: [
            "", "{}", #"{"narration":"TOKEN PAYMENT \" bvn","amount":-120}"#, #"{"bvn_status":"ok","pinned":true}"#,
            "no JSON at all \u{FFFD}", #"{"account_number":"0123456789"}"#, #"{"name":"B bear bearer"}"#,
        ])
    func kept(_ text: String) { #expect(masked(text) == text) }

    @Test("a body that is cut off at any place shows no part of a secret and is never read past its end")
    func cut() {
        let whole = #"{"a":"Bearer planted1","password" : "planted2","bvn": 33333,"otp":["planted4",[5]],"t":"x\\"#
        let text = Array(whole.utf8)
        for count in 0...text.count {
            let kept = String(decoding: PayloadMask.mask(Array(text.prefix(count))), as: UTF8.self)
            #expect(!kept.contains("planted") && !kept.contains("333"), "\(kept)")
        }
    }
}
