import Domain
import Testing

struct SecretMaskTests {
    @Test(
        "a secret is hidden in each form in which programs repeat it",
        arguments: [
            "login with Gäste\"7 failed", #"{"password": "Gäste\"7"}"#, "?p=G%C3%A4ste%227", #"'G\u00e4ste"7'"#,
            "Basic R8Okc3RlIjc=",
        ])
    func forms(_ text: String) {
        let masked = SecretMask(["Gäste\"7"]).mask(text)
        #expect(masked.contains(SecretMask.hidden))
        for shown in ["ste\"7", "ste\\\"7", "ste%227", "R8Okc3Rl"] { #expect(!masked.contains(shown)) }
    }

    @Test(
        "what stands behind the name of a secret is hidden though nobody told it",
        arguments: [
            "password=hunter", "Password: hunter", #""pin" : "hunter""#, "Authorization: Bearer hunter", "otp = hunter",
            "the token=hunter&next=1",
        ])
    func names(_ text: String) {
        let masked = SecretMask().mask(text)
        #expect(!masked.contains("hunter"))
        #expect(masked.contains(SecretMask.hidden))
    }

    @Test(
        "long runs of digits and tokens are hidden",
        arguments: [
            "account 0123456789", "bvn22200000041", "code 4821", "0803-000-0041", "a1b2c3d4e5f6a7b8c9d0e1f2",
            "eyJhbGciOiJIUzI1NiJ9.e30",
        ])
    func runs(_ text: String) {
        let masked = SecretMask().mask(text)
        #expect(masked.contains(SecretMask.hidden))
        #expect(masked.allSatisfy { !$0.isNumber } || text.hasPrefix("eyJ"))
    }

    @Test(
        "ordinary words stay",
        arguments: [
            "reading 3 files took 12 s", "Traceback (most recent call last):", "the token has expired", "pinned to v2",
            "KeyError at line 120", "urllib3.connectionpool", "",
        ])
    func ordinary(_ text: String) {
        #expect(SecretMask(["ab"]).mask(text) == text)
    }

    @Test("a text comes out on one line")
    func oneLine() {
        #expect(SecretMask().mask("a\nb\tc\u{1B}[31m") == "a b c [31m")
    }

    @Test(
        "a text for people keeps its short numbers and loses what was told and what is as long as an account's",
        arguments: [
            ("hunter: try again in 30 minutes, error 4821", "[hidden]: try again in 30 minutes, error 4821"),
            ("Account 0123456789 of BVN 22212345678", "Account [hidden] of BVN [hidden]"),
            ("card 5399-1234-5678-9012 or 221 2345 6789.", "card [hidden] or [hidden]."),
            ("closed from 2026-11-21 10:15:30 until 2026-11-22", "closed from 2026-11-21 10:15:30 until 2026-11-22"),
            ("123456789", "123456789"), ("ref1234567890x", "ref[hidden]x"),
        ])
    func people(_ text: String, _ shown: String) {
        #expect(SecretMask(["hunter"]).maskTold(text) == shown)
    }

    @Test("every byte of a secret is hidden where secrets overlap, stand in each other or follow each other")
    func overlapping() {
        let mask = SecretMask(["abcd", "cdefgh", "bcd", "xyz"])
        #expect(mask.maskTold("1 abcdefgh 2") == "1 [hidden] 2")
        #expect(mask.maskTold("1 bcd 2 abcdxyz 3") == "1 [hidden] 2 [hidden] 3")
        #expect(mask.maskTold("ab xy") == "ab xy")
    }
}
