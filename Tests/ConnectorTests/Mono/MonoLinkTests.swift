import Connectors
import Domain
import TestKit
import Testing

/// The ways back from Mono's page, and its pushes.
struct MonoLinkTests {
    let tests = MonoTests()
    var server: MonoServer { tests.server }
    var connector: MonoConnector { tests.connector }

    private func failure(_ progress: LinkProgress) -> ConnectorError? {
        if case .failed(let error) = progress.step { error } else { nil }
    }

    @Test("a code of another link's login is refused, and that login is left alone")
    func foreignCode() async throws {
        server.set { $0.reference = "another-link-1234" }
        let progress = try await tests.linked()
        #expect(failure(progress)?.code == .accessDenied)
        #expect(progress.linked == nil)
        #expect(!server.requests.contains { $0.url.hasSuffix("/unlink") })
    }

    @Test("a login at another bank than the one that was chosen is refused and unlinked")
    func otherBank() async throws {
        server.set { $0.bankCode = "058" }
        let progress = try await tests.linked()
        #expect(failure(progress)?.message.contains("chose Access Bank") == true)
        #expect(server.requests.last?.url.hasSuffix("/unlink") == true)
    }

    @Test("a cancelled login fails, a return without a code waits for Mono's push, and no return leads nowhere")
    func returnsWithoutCode() async throws {
        let begun = try await connector.beginLink(tests.request, tests.context())
        let cancelled = StepAnswer(fields: ["status": "cancelled"], cameBack: true)
        #expect(
            failure(try await connector.continueLink(begun.state, cancelled, tests.context()))?.code == .accessDenied)

        let silent = StepAnswer(fields: ["status": "successful"], cameBack: true)
        let waiting = try await connector.continueLink(begun.state, silent, tests.context())
        guard case .wait = waiting.step else {
            Issue.record("a return without a code gives \(waiting.step)")
            return
        }
        let still = try await connector.poll(waiting.state, tests.context(at: MonoTests.now + 60_000))
        #expect(still.step == waiting.step)
        let late = try await connector.poll(still.state, tests.context(at: MonoTests.now + 10 * 60_000))
        #expect(failure(late)?.code == .accessDenied)

        let none = try await connector.continueLink(begun.state, StepAnswer(), tests.context())
        #expect(none.step == begun.step)

        let events = try connector.handleUpstreamWebhook(
            headers: [("Mono-Webhook-Secret", MonoServer.webhookSecret)],
            body: Array(
                """
                {"event":"mono.events.account_connected","data":{"id":"\(MonoServer.account)",
                "meta":{"data_status":"PROCESSING","ref":"\(MonoTests.reference)"}}}
                """.utf8), settings: tests.context().settings)
        guard case .linked(let reference, MonoServer.account, let grant)? = events.first else {
            Issue.record("a push of a login gives \(events)")
            return
        }
        #expect(reference == MonoTests.reference)
        let done = try await connector.continueLink(waiting.state, StepAnswer(access: grant), tests.context())
        #expect(done.step == .done)
        #expect(done.linked?.upstreamUserID == MonoServer.account)
    }

    @Test("once the code is spent, trouble is waited out with the account, and the same code is not asked again")
    func spentCode() async throws {
        let begun = try await connector.beginLink(tests.request, tests.context())
        server.set { $0.instead["/\(MonoServer.account)"] = HTTPReplyData(status: 503) }
        let waiting = try await connector.continueLink(begun.state, tests.answer, tests.context())
        guard case .wait = waiting.step else {
            Issue.record("trouble after the exchange gives \(waiting.step)")
            return
        }
        server.set {
            $0.instead = ["/auth": MonoServer.reply(400, "null")]
        }
        #expect(try await connector.continueLink(waiting.state, tests.answer, tests.context()).step == .done)
        #expect(try await connector.poll(waiting.state, tests.context()).step == .done)
    }

    @Test("the link waits a while for Mono's first fetch, and then goes on without it")
    func firstFetch() async throws {
        server.set { $0.status = "PROCESSING" }
        let waiting = try await tests.linked()
        guard case .wait = waiting.step else {
            Issue.record("a first fetch gives \(waiting.step)")
            return
        }
        let later = tests.context(at: MonoTests.now + 30_000)
        #expect(try await connector.poll(waiting.state, later).step == .done)
    }

    @Test("a login is renewed in place; one that was unlinked is linked anew")
    func renews() async throws {
        let grant = try await tests.grant()
        var again = tests.request
        again.renews = grant
        let begun = try await connector.beginLink(again, tests.context())
        let body = try JSONValue(parsing: try #require(server.requests.last).body)
        #expect(body["scope"]?.text == "reauth")
        #expect(body["account"]?.text == MonoServer.account)
        // Mono keeps the first link's reference, and may come back without a code.
        server.set { $0.reference = "of-the-first-link" }
        let back = StepAnswer(fields: ["status": "successful"], cameBack: true)
        let done = try await connector.continueLink(begun.state, back, tests.context())
        #expect(done.linked?.upstreamUserID == MonoServer.account)

        server.set { $0.isUnlinked = true }
        let anew = try await connector.beginLink(again, tests.context())
        #expect(anew.step == begun.step)
        #expect(try JSONValue(parsing: try #require(server.requests.last).body)["scope"]?.text == "auth")
    }

    @Test("a wrong key is the operator's to mend, a missing one says which setting it is, and neither is shown")
    func keys() async throws {
        for settings in [ConnectorSettings(), ConnectorSettings(["secret_key": "live_sk_wrong"])] {
            var context = tests.context()
            context.settings = settings
            do {
                _ = try await connector.beginLink(tests.request, context)
                Issue.record("linked without the key")
            } catch {
                #expect(error.code == .clientMisconfigured)
                #expect(!"\(error) \(error.upstreamCode ?? "")".contains("live_sk"))
            }
        }
    }

    private func push(_ body: String, secret: String? = MonoServer.webhookSecret) throws -> [UpstreamEvent] {
        try connector.handleUpstreamWebhook(
            headers: secret.map { [("mono-webhook-secret", $0)] } ?? [], body: Array(body.utf8),
            settings: tests.context().settings)
    }

    @Test("pushes are told apart, in every spelling that Mono has")
    func pushes() throws {
        let id = MonoServer.account
        let ready = UpstreamEvent.dataReady(environmentID: nil, upstreamUserID: id)
        let login = UpstreamEvent.loginNeeded(environmentID: nil, upstreamUserID: id)
        let expected: [(String, String, [UpstreamEvent])] = [
            ("events.account_updated", #""account":{"_id":"\#(id)"},"meta":{"data_status":"AVAILABLE"}"#, [ready]),
            ("events.account_updated", #""account":{"id":"\#(id)"},"meta":{"data_status":"partial"}"#, [ready]),
            ("events.account_updated", #""account":{"_id":"\#(id)"},"meta":{"data_status":"PROCESSING"}"#, []),
            (
                "events.account_updated",
                #""account":{"_id":"\#(id)"},"meta":{"sync_status":"REAUTHORISATION_REQUIRED"}"#,
                [login]
            ),
            ("events.reauthorisation_required", #""account":{"_id":"\#(id)"}"#, [login]),
            ("events.account_reauthorized", #""account":{"_id":"\#(id)"}"#, [ready]),
            (
                "events.account_unlinked", #""account":{"id":"\#(id)"}"#,
                [.accessEnded(environmentID: nil, upstreamUserID: id)]
            ),
            ("accounts.jobs.update", #""account":"\#(id)","status":"failed""#, []),
            ("direct_debit.payment_successful", "", []),
        ]
        for (event, data, events) in expected {
            #expect(try push(#"{"event":"mono.\#(event)","data":{\#(data)}}"#) == events, "\(event) \(data)")
        }
    }

    @Test("a push with a wrong secret, or to a server without one, is refused; one that cannot be read is told")
    func refusedPushes() throws {
        let body = #"{"event":"mono.events.account_unlinked","data":{"account":{"id":"abc"}}}"#
        for secret in [nil, "", "planted-webhook-secre", "planted-webhook-secretX"] {
            #expect(throws: ConnectorError.self) { try push(body, secret: secret) }
        }
        #expect(throws: ConnectorError.self) {
            try connector.handleUpstreamWebhook(
                headers: [("mono-webhook-secret", "")], body: Array(body.utf8), settings: ConnectorSettings())
        }
        for body in [
            "", "[]", "<html>", #"{"data":{}}"#,
            #"{"event":"mono.events.account_unlinked","data":{"account":{"id":"../x"}}}"#,
        ] {
            #expect(throws: ConnectorError.self) { try push(body) }
        }
    }
}
