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

    @Test("a text for people keeps its numbers and loses what was told")
    func people() {
        #expect(SecretMask(["hunter"]).maskKnown("hunter: call 08030000041") == "[hidden]: call 08030000041")
    }
}
