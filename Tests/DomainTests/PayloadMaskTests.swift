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
            (#"{"tokens":1,"token":null,"otp":[ "1", 2 ]}"#, #"{"tokens":"***","token":null,"otp":[ "***", "***" ]}"#),
            (
                #"{"bvn":{"value":"222","is_valid":true,"of":[{"x":1},[2]]},"a":"kept"}"#,
                #"{"bvn":{"value":"***","is_valid":true,"of":[{"x":"***"},["***"]]},"a":"kept"}"#
            ),
            (
                #"{"customerBvn":"1","user_bvn":"2","bvn_number":3}"#,
                #"{"customerBvn":"***","user_bvn":"***","bvn_number":"***"}"#
            ),
            (
                #"{"otp_code":"1","userBVNCode":"2","customerbvn":"3"}"#,
                #"{"otp_code":"***","userBVNCode":"***","customerbvn":"***"}"#
            ),
            (#"{"refreshTokens":["a"],"X-Api-Key":"b"}"#, #"{"refreshTokens":["***"],"X-Api-Key":"***"}"#),
            (
                #"{"body":"{\"bvn\":\"222\",\"name\":\"Ad\u00e1\"}","n":1}"#,
                #"{"body":"{\"bvn\":\"***\",\"name\":\"Adá\"}","n":1}"#
            ),
            (
                #"["{\"in\":\"{\\\"pin\\\":\\\"1\\\"}\"}"]"#,
                #"["{\"in\":\"{\\\"pin\\\":\\\"***\\\"}\"}"]"#
            ),
            (#"{"message":"Authorization: Bearer abc.def"}"#, #"{"message":"Authorization: Bearer ***"}"#),
            ("<html>bearer abc</html>", "<html>bearer ***</html>"),
        ])
    func hidden(_ text: String, _ kept: String) { #expect(masked(text) == kept) }

    @Test(
        "everything else stays byte for byte",
        arguments: [
            "", "{}", #"{"narration":"TOKEN PAYMENT \" bvn","amount":-120}"#, #"{"bvn_status":"ok","pinned":true}"#,
            #"{"token_type":"bearer","tokenExpiresAt":12,"spinner":1,"nine":2,"tokenless":3}"#,
            #"{"text":"{\"a\":\"\u00e1\/b\"}","opinion":"x"}"#,
            "no JSON at all \u{FFFD}", #"{"account_number":"0123456789"}"#, #"{"name":"B bear bearer"}"#,
        ])
    func kept(_ text: String) { #expect(masked(text) == text) }

    @Test("a body that is cut off at any place shows no part of a secret and is never read past its end")
    func cut() {
        let whole =
            #"{"a":"Bearer planted1","password" : "planted2","bvn": 33333,"otp":["planted4",[5]],"#
            + #""bvn":{"of":["planted6",{"in":"planted7"}]},"s":"{\"pin\":\"planted8\",\"x\":[\"y\"]}","t":"x\\"#
        let text = Array(whole.utf8)
        for count in 0...text.count {
            let kept = String(decoding: PayloadMask.mask(Array(text.prefix(count))), as: UTF8.self)
            #expect(!kept.contains("planted") && !kept.contains("333"), "\(kept)")
        }
    }
}
