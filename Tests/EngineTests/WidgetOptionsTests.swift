import Domain
import Testing

@testable import Engine

@Suite("The widget's options")
struct WidgetOptionsTests {
    @Test("every option of Okra's widget is accepted, and what does nothing is named")
    func everyOption() throws {
        let options = try WidgetOptions([
            "app_id": "5d6fe57a4099cc4b210bbec0", "token": "t", "key": "k", "name": "Acme", "env": "production-sandbox",
            "products": ["auth", "transaction"], "countries": ["NG"],
            "filter": ["industry_type": "all", "banks": ["access-bank"]], "payment": false,
            "charge": ["type": "one-time", "amount": 100], "debitLater": true, "callback_url": "https://a.example/c",
            "redirect_url": "https://a.example/r", "success_url": "https://a.example/s", "continue_cta": "On",
            "options": ["user": "42"], "meta": "m", "customer": ["bvn": "22222222222"], "limit": "12",
            "isCorporate": true, "selection_type": "single", "color": "#3AB795", "logo": "https://a.example/l.png",
            "mode": "dark", "connectMessage": "Link it", "widget_success": "Fine", "widget_failed": "Pity",
            "success_title": "Done", "success_message": "All good", "currency": "USD", "exp": "2030-01-01",
            "source": "react", "uuid": "u", "guarantors": ["status": true], "refresh": false, "state": 7,
        ])
        #expect(options.kind == .sandbox)
        #expect(options.products == ["auth", "transaction"])
        #expect(options.banks == ["access-bank"])
        #expect(options.historyMonths == 12)
        #expect(options.loginType == "corp")
        #expect(options.selectsOne)
        #expect(options.refresh == false)
        #expect(options.state == "7")
        #expect(options.branding.color == "#3ab795")
        #expect(options.branding.mode == "dark")
        #expect(options.expiresAt != nil)
        #expect(options.ignored == ["customer", "charge", "countries", "currency", "debitLater", "guarantors"])
    }

    @Test("names that other clients use mean the same")
    func spellings() throws {
        let options = try WidgetOptions([
            "clientName": "Acme", "filters": ["banks": ["gtb", "5d6fe57a4099cc4b210bbec0"]], "corporate": "true",
            "short_url": "https://kubewa.example/abcdefghijklmnop", "multi_account": false,
        ])
        #expect(options.branding.name == "Acme")
        #expect(options.banks == ["guaranty-trust-bank", "access-bank"])
        #expect(options.loginType == "corp")
        #expect(options.selectsOne)
        #expect(options.shortLink == "https://kubewa.example/abcdefghijklmnop")
    }

    @Test("products of Okra's that are not served here are left out and named; others are read as they are")
    func laterProducts() throws {
        let options = try WidgetOptions(["products": ["auth", "Income", "payments", "balance"]])
        #expect(options.products == ["auth", "balance"])
        #expect(options.ignored == ["products.income", "products.payments"])
    }

    @Test("an option that is empty is absent")
    func empty() throws {
        let options = try WidgetOptions(["token": "", "products": .null, "limit": "", "logo": "", "color": .null])
        #expect(options == WidgetOptions())
    }

    @Test(
        "dress that could run, hide or swell is left out and named",
        arguments: [
            ("color", "red"), ("color", "#12345"), ("color", "#123;background:url(x)"), ("color", "expression(1)"),
            ("logo", "javascript:alert(1)"), ("logo", "http://a.example/l.png"), ("logo", "data:text/html,<script>"),
            ("logo", "https://a.example/\"onerror=\"x"), ("logo", "data:image/svg+xml, <svg onload=x>"),
            ("mode", "neon"),
        ])
    func branding(_ name: String, _ value: String) throws {
        let options = try WidgetOptions([name: .string(value)])
        #expect(options.ignored == [name])
        #expect(options.branding == WidgetBranding())
    }

    @Test("a logo of five megabytes is left out; one of 64 KiB does not count towards the options")
    func bigLogo() throws {
        let head = "data:image/png;base64,"
        let big = try WidgetOptions(["logo": .string(head + String(repeating: "A", count: 5 << 20))])
        #expect(big.ignored == ["logo"])
        let fair = head + String(repeating: "A", count: (64 << 10) - head.count)
        let kept = try WidgetOptions(["logo": .string(fair), "meta": .string(String(repeating: "m", count: 60 << 10))])
        #expect(kept.branding.logo == fair)
    }

    @Test("more than 64 KiB of options are refused")
    func tooLarge() throws {
        let error = #expect(throws: DomainError.self) {
            try WidgetOptions(["meta": .string(String(repeating: "m", count: 65 << 10))])
        }
        #expect(error?.code == .tooLarge)
    }

    @Test("names are shown as text: scripts stay text, and nothing hides or turns around what stands beside them")
    func hostileNames() throws {
        let options = try WidgetOptions([
            "name": "<script>alert(1)</script>", "connectMessage": "a\u{202E}b\u{200B}\n\n c\u{0000}",
            "success_title": .string(String(repeating: "x", count: 5000)),
        ])
        #expect(options.branding.name == "<script>alert(1)</script>")
        #expect(options.branding.connectMessage == "ab c")
        #expect(options.branding.successTitle?.count == WidgetOptions.nameLengthMax)
        #expect(options.ignored.isEmpty)
    }

    @Test(
        "what decides about keys, data or destinations is refused when it is no text, list or number",
        arguments: [
            ("token", [1]), ("key", ["a": 1]), ("products", "balance"), ("products", [1]), ("limit", 0),
            ("limit", "many"), ("limit", -3), ("limit", true), ("callback_url", true), ("redirect_url", ["x"]),
            ("state", ["x": 1]), ("exp", "soon"), ("app_id", [:]),
        ] as [(String, JSONValue)])
    func wrongTypes(_ name: String, _ value: JSONValue) throws {
        let error = #expect(throws: DomainError.self) { try WidgetOptions([name: value]) }
        #expect(error?.field == name)
    }

    @Test("options that are no object are refused")
    func noObject() {
        for value in [JSONValue.null, [], "x", 1] {
            #expect(throws: DomainError.self) { try WidgetOptions(value) }
        }
    }

    @Test("unknown banks are left out; when none is known the page is not opened")
    func unknownBanks() throws {
        let some = try WidgetOptions(["filter": ["banks": ["no-bank", "access-bank", 7]]])
        #expect(some.banks == ["access-bank"])
        #expect(some.ignored == ["filter.banks"])
        let error = #expect(throws: DomainError.self) { try WidgetOptions(["filter": ["banks": ["no-bank"]]]) }
        #expect(error?.code == .unknownInstitution)
        #expect(try WidgetOptions(["filter": ["banks": []]]).banks == nil)
        // Diamond Bank is Access Bank now.
        #expect(
            try WidgetOptions(["filter": ["banks": ["access-bank-diamond"]]]).banks == [
                "access-bank-diamond", "access-bank",
            ])
        #expect(try WidgetOptions(["institution": "no-bank"]).ignored == ["institution"])
    }

    @Test("more history than is offered is as much as is offered")
    func months() throws {
        let options = try WidgetOptions(["limit": 240])
        #expect(options.historyMonths == 24)
        #expect(options.ignored == ["limit"])
    }

    @Test("an unknown environment is refused by name")
    func environment() {
        let error = #expect(throws: DomainError.self) { try WidgetOptions(["env": "staging"]) }
        #expect(error?.code == .wrongEnvironment)
    }

    @Test("five hundred unknown options are named up to a limit")
    func manyUnknown() throws {
        var members: [String: JSONValue] = [:]
        for number in 0..<500 { members["o\(number)" + String(repeating: "x", count: 60)] = 1 }
        let options = try WidgetOptions(.object(members))
        #expect(options.ignored.count == WidgetOptions.namesMax)
        #expect(options.ignored.allSatisfy { $0.count <= 40 })
    }

    @Test(
        "an origin is a scheme, a host and a port",
        arguments: [
            ("https://Shop.Example", "https://shop.example"), ("https://shop.example:443", "https://shop.example"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"), ("null", ""), ("*", ""), ("javascript:alert(1)", ""),
            ("file:///x", ""), ("https://a@b.example", ""), ("https://a.example/path", ""), ("https://a b.example", ""),
            ("https://shop.example?x", ""),
        ])
    func origins(_ text: String, _ normal: String) throws {
        if normal.isEmpty {
            let error = #expect(throws: DomainError.self) { try WebOrigin.normal(text) }
            #expect(error?.code == .originRefused)
        } else {
            #expect(try WebOrigin.normal(text) == normal)
        }
    }

    @Test("a redirect carries what is added, escaped, and nothing of the same name that was there")
    func redirects() {
        let url = ReturnURL.make(
            "https://a.example/r?a=1&status=success&state=x#f", [("status", "error"), ("state", "s &=#ü")])
        #expect(url == "https://a.example/r?a=1&status=error&state=s%20%26%3D%23%C3%BC#f")
        #expect(ReturnURL.make("https://a.example", [("status", "success")]) == "https://a.example?status=success")
    }

    @Test("a slug is found in a short URL, and reserved words are none")
    func slugs() {
        #expect(WidgetLinkSlug.find(in: "https://kubewa.example/abcdefghij0?&isIframe=true") == "abcdefghij0")
        #expect(WidgetLinkSlug.find(in: "abcdefghij-_") == "abcdefghij-_")
        #expect(WidgetLinkSlug.find(in: "https://kubewa.example/") == nil)
        #expect(WidgetLinkSlug.find(in: "apple-touch-icon") == nil)
        #expect(WidgetLinkSlug.find(in: "short") == nil)
        #expect(WidgetLinkSlug.find(in: "abcdefghij/..") == nil)
    }
}
