import Domain
import Testing

@testable import Connectors

struct ExecConnectorTests {
    private let context = ExecWorld.context()
    private let grant = Grant(bytes: Array(#"{"v":1,"is":{"token":"grant-secret"}}"#.utf8))
    private let window = DayWindow(from: LocalDate(dayNumber: 19_700), to: LocalDate(dayNumber: 19_710))

    private func step(_ json: String) async throws(ConnectorError) -> LinkProgress {
        let program = ScriptedProgram(#""result":{"state":{"a":1},"step":\#(json)}"#)
        return try await ExecWorld.connector(program).beginLink(LinkRequest(products: [.accounts]), context)
    }

    private func rows(_ json: String) async throws(ConnectorError) -> FetchPage {
        let program = ScriptedProgram(#""result":{"transactions":[\#(json)]}"#)
        return try await ExecWorld.connector(program).transactions(
            grant, account: "1", window: window, cursor: nil, context)
    }

    // MARK: steps

    @Test("every kind of step has the shape of the native API")
    func steps() async throws {
        let form = try await step(
            """
            {"kind":"form","name":"credentials","prompt":"Log in.","attempts_left":2,"problem":"Wrong.","fields":[
             {"key":"username","kind":"text","label":"User"},
             {"key":"branch","kind":"select","label":"Branch","choices":["Lagos","Kano"]}]}
            """)
        #expect(
            form.step
                == .form(
                    Step.Form(
                        name: "credentials", prompt: "Log in.",
                        fields: [
                            Step.Field(key: "username", kind: .text, label: "User"),
                            Step.Field(key: "branch", kind: .select, label: "Branch", choices: ["Lagos", "Kano"]),
                        ], attemptsLeft: 2, problem: "Wrong.")))
        let choices = try await step(
            #"{"kind":"select_accounts","accounts":[{"id":"1","name":"Savings","mask":"0123456789","type":"s"}]}"#)
        #expect(
            choices.step
                == .selectAccounts([Step.AccountChoice(upstreamID: "1", name: "Savings", mask: "6789", type: "s")]))
        #expect(
            try await step(#"{"kind":"wait","reason":"soon","poll_after_ms":1}"#).step
                == .wait(reason: "soon", pollAfterMs: 500))
        #expect(
            try await step(#"{"kind":"redirect","url":"https://bank.example/a?b=c"}"#).step
                == .redirect(url: "https://bank.example/a?b=c"))
        #expect(try await step(#"{"kind":"failed","code":"user_locked"}"#).step == .failed(ConnectorError(.userLocked)))
    }

    @Test(
        "a step that cannot be understood is told by its place",
        arguments: [
            (#"{"kind":"dance"}"#, "step.kind"), (#"{}"#, "step.kind"), (#"[]"#, "step"), (#"{"kind":7}"#, "step.kind"),
            (#"{"kind":"form","name":"a","prompt":"b","fields":[]}"#, "step.fields"),
            (
                #"{"kind":"form","name":"A b","prompt":"b","fields":[{"key":"a","kind":"text","label":"a"}]}"#,
                "step.name"
            ),
            (
                #"{"kind":"form","name":"a","prompt":"b","fields":[{"key":"a","kind":"colour","label":"a"}]}"#,
                "step.fields[0].kind"
            ),
            (
                #"{"kind":"form","name":"a","prompt":"b","fields":[{"key":"a","kind":"select","label":"a"}]}"#,
                "step.fields[0].choices"
            ),
            (
                #"{"kind":"form","name":"a","prompt":"b","fields":[{"key":"a","kind":"text","label":"a"},7]}"#,
                "step.fields[1]"
            ),
            (#"{"kind":"select_accounts","accounts":[{"id":"1"},{"id":"1"}]}"#, "step.accounts"),
            (#"{"kind":"redirect","url":"javascript:alert(1)"}"#, "step.url"),
            (#"{"kind":"redirect","url":"http://bank.example"}"#, "step.url"),
            (#"{"kind":"failed","code":"who_knows"}"#, "step.code"), (#"{"kind":"done"}"#, "linked"),
        ])
    func wrongSteps(_ json: String, _ place: String) async throws {
        await #expect { try await step(json) } throws: { error in
            let error = error as? ConnectorError
            return error?.code == .protocolViolation && error?.upstreamCode == place
        }
    }

    @Test("linking gives the grant, the accounts and the end of the consent")
    func linked() async throws {
        let program = ScriptedProgram(
            """
            "result":{"step":{"kind":"done"},"linked":{"grant":{"token":"t"},"user_id":"ada",
             "accounts":[{"id":"1","number":"0123456789","currency":"NGN"}],
             "consent_expires_at":"2024-04-15T09:00:00Z"}}
            """)
        let begun = try ExecMessage.wrap(["stage": "code"], "state")
        let answer = StepAnswer(fields: ["otp": "1234"], accounts: ["1"])
        let progress = try await ExecWorld.connector(program).continueLink(begun, answer, context)
        #expect(progress.linked?.upstreamUserID == "ada")
        #expect(progress.linked?.consentExpiresAt?.iso == "2024-04-15T09:00:00.000Z")
        #expect(progress.linked?.accounts == [FetchedAccount(upstreamID: "1", number: "0123456789", name: nil)])
        let asked = program.requests[0]
        #expect(asked["operation"] == "continue_link")
        #expect(asked["state"] == ["stage": "code"])
        #expect(asked["answer"] == ["fields": ["otp": "1234"], "accounts": ["1"], "came_back": false])
        #expect(asked["context"]?["institution"] == "kuda-bank")
        #expect(asked["context"]?["settings"] == ["api_key": "setting-secret"])
    }

    @Test("a state and a grant that are too large are refused")
    func largeState() async throws {
        let program = ScriptedProgram(
            #""result":{"state":"\#(String(repeating: "x", count: 70_000))","step":{"kind":"wait"}}"#)
        await #expect { try await ExecWorld.connector(program).beginLink(LinkRequest(products: []), context) } throws: {
            ($0 as? ConnectorError)?.upstreamCode == "state"
        }
    }

    // MARK: data

    @Test("amounts are whole numbers of the smallest unit, to the last kobo of 64 bits")
    func amounts() async throws {
        let row = #""currency":"NGN","booked_on":"2024-01-12","description":"A""#
        let page = try await rows(
            #"{"amount_minor":-9223372036854775807,\#(row),"id":"1","running_balance_minor":5,"status":"pending"}"#)
        #expect(page.rows[0].amount.minor == -9_223_372_036_854_775_807)
        #expect(page.rows[0].runningBalance?.minor == 5)
        #expect(page.rows[0].status == .pending)
        #expect(page.nextCursor == nil)
    }

    @Test(
        "an amount that is no whole number is refused, never rounded",
        arguments: [
            ("15.5", .amountTooFine), ("9223372036854775808", .amountTooLarge), (#""1550""#, .amountUnreadable),
            ("null", .amountUnreadable), ("true", .amountUnreadable),
        ] as [(String, BankFault)])
    func wrongAmounts(_ amount: String, _ fault: BankFault) async throws {
        let good = #"{"amount_minor":1,"currency":"NGN","booked_on":"2024-01-12","description":"A"}"#
        let bad = #"{"amount_minor":\#(amount),"currency":"NGN","booked_on":"2024-01-12","description":"A"}"#
        await #expect { try await rows(good + "," + bad) } throws: { error in
            let error = error as? ConnectorError
            return error?.fault == fault && error?.upstreamCode == "transactions[1].amount_minor"
                && error?.code == .protocolViolation
        }
    }

    @Test(
        "a row that is no transaction is refused by its place",
        arguments: [
            (#""currency":"naira","booked_on":"2024-01-12","description":"A""#, "currency"),
            (#""currency":"NGN","booked_on":"12/01/2024","description":"A""#, "booked_on"),
            (#""currency":"NGN","booked_on":"2024-01-12""#, "description"),
            (#""currency":"NGN","booked_on":"2024-01-12","description":7"#, "description"),
            (#""currency":"NGN","booked_on":"2024-01-12","description":"A","status":"removed""#, "status"),
            (#""currency":"NGN","booked_on":"2024-01-12","description":"A","occurred_at":"noon""#, "occurred_at"),
        ])
    func wrongRows(_ members: String, _ name: String) async throws {
        await #expect { try await rows(#"{"amount_minor":1,\#(members)}"#) } throws: { error in
            (error as? ConnectorError)?.upstreamCode == "transactions[0].\(name)"
        }
    }

    @Test("a grant of somebody else is not sent")
    func foreignGrant() async throws {
        let program = ScriptedProgram()
        await #expect(throws: ConnectorError(.invalidRequest)) {
            try await ExecWorld.connector(program).listAccounts(Grant(bytes: Array("{}".utf8)), context)
        }
        #expect(program.requests.isEmpty)
    }

    // MARK: errors

    @Test("what a program tells of an error is kept without numbers as long as those of accounts and BVNs")
    func longNumbers() async throws {
        let program = ScriptedProgram(
            """
            "error":{"code":"reauth_required","message":"Account 0123456789 of BVN 222 1234 5678 is closed since 2024",
             "upstream_code":"bvn:22212345678"}
            """)
        await #expect {
            try await ExecWorld.connector(program).listAccounts(grant, context)
        } throws: { error in
            let error = error as? ConnectorError
            return error?.message == "Account [hidden] of BVN [hidden] is closed since 2024"
                && error?.upstreamCode == nil
        }
    }

    @Test(
        "a code of the bank's is one word, or is not kept",
        arguments: [
            ("E-4711:card.x_y", "E-4711:card.x_y"), ("Ada lives in Lagos", nil), ("", nil), ("Aché", nil),
            ("setting-secret", nil), (String(repeating: "x", count: 81), nil),
        ] as [(String, String?)])
    func upstreamCodes(_ told: String, _ kept: String?) async throws {
        let program = ScriptedProgram(#""error":{"code":"reauth_required","upstream_code":"\#(told)"}"#)
        await #expect {
            try await ExecWorld.connector(program).listAccounts(grant, context)
        } throws: {
            ($0 as? ConnectorError)?.upstreamCode == kept
        }
    }

    @Test("a program's errors are those of the taxonomy, and its sentence loses what the request held")
    func errors() async throws {
        let program = ScriptedProgram(
            """
            "error":{"code":"reauth_required","message":"grant-secret is old, setting-secret too",
             "upstream_code":"token_expired","retry_after_seconds":5}
            """)
        do {
            _ = try await ExecWorld.connector(program).listAccounts(grant, context)
            Issue.record("accounts come all the same")
        } catch {
            #expect(error.code == .reauthRequired)
            #expect(error.isTokenExpired)
            #expect(error.message == "[hidden] is old, [hidden] too")
            #expect(error.retryAfterSeconds == 5)
        }
    }

    @Test("an error that the taxonomy does not know is a fault of the program")
    func unknownError() async throws {
        let program = ScriptedProgram(#""error":{"code":"oops"}"#)
        await #expect { try await ExecWorld.connector(program).listAccounts(grant, context) } throws: {
            ($0 as? ConnectorError)?.upstreamCode == "error.code"
        }
    }

    @Test(
        "access that the program cannot withdraw, or that is gone, is withdrawn",
        arguments: ["unsupported", "consent_revoked"])
    func revokes(_ code: String) async throws {
        let program = ScriptedProgram(#""error":{"code":"\#(code)"}"#)
        try await ExecWorld.connector(program).revoke(grant, context)
    }

    @Test("a program that is out of reach takes its banks along and no others")
    func troubled() async throws {
        let down = ExecWorld.connector(ScriptedProgram(trouble: .resting(seconds: 3)))
        #expect(await down.troubled(context) == ["kuda-bank": .down])
        #expect(await ExecWorld.connector(ScriptedProgram()).troubled(context) == [:])
        let told = ScriptedProgram(
            #""result":{"health":"healthy","troubled":{"kuda-bank":"degraded","elsewhere":"down"}}"#,
            greeting: ["reports_health": true])
        #expect(await ExecWorld.connector(told).troubled(context) == ["kuda-bank": .degraded])
    }

    @Test("what a program says of itself is taken where it can be understood, and `check` tells what cannot")
    func badGreeting() async throws {
        let program = ScriptedProgram(
            #""result":{}"#, #""result":{"health":"healthy"}"#, greeting: ["window_days_max": 0])
        let connector = ExecWorld.connector(program)
        #expect(connector.descriptor.capabilities.windowDaysMax == 31)
        await #expect { try await connector.check(context) } throws: {
            ($0 as? ConnectorError)?.upstreamCode == "result.window_days_max"
        }
    }

    // MARK: configuration

    @Test("a file says what is started and what it may take")
    func configuration() throws {
        let value = try JSONValue(
            parsing: Array(
                """
                {"connector":"exec","command":["/opt/palm","serve"],"variables":{"TZ":"Africa/Lagos"},"folder":"/srv",
                 "limits":{"memory_mb":64,"call_seconds":5,"processes":2},
                 "capabilities":{"products":["accounts","transactions"],"window_days_max":90,"unattended":false}}
                """.utf8))
        let read = try ExecConfiguration(value)
        #expect(read.command == ["/opt/palm", "serve"])
        #expect(read.limits.memoryBytes == 64 << 20)
        #expect(read.limits.callMs == 5000)
        #expect(read.limits.processes == 2)
        let capabilities = read.capabilities.capabilities(told: ExecCapabilities())
        #expect(capabilities.products == [.auth, .accounts, .transactions])
        #expect(capabilities.windowDaysMax == 90)
        #expect(!capabilities.isUnattended)
        #expect(capabilities.historyMonthsMax == 24)
    }

    @Test(
        "a mistake in a file names the member and what is allowed",
        arguments: [
            (#"{}"#, "command"), (#"{"command":[]}"#, "command"), (#"{"command":"/opt/palm"}"#, "command"),
            (#"{"command":["palm"]}"#, "command[0]"), (#"{"command":["/a",7]}"#, "command"),
            (#"{"command":["/a"],"folder":"here"}"#, "folder"),
            (#"{"command":["/a"],"variables":{"A=B":"c"}}"#, "variables"),
            (#"{"command":["/a"],"variables":["A"]}"#, "variables"), (#"{"command":["/a"],"limits":7}"#, "limits"),
            (#"{"command":["/a"],"limits":{"memory":7}}"#, "limits.memory"),
            (#"{"command":["/a"],"limits":{"memory_mb":0}}"#, "limits.memory_mb"),
            (#"{"command":["/a"],"limits":{"memory_mb":"64"}}"#, "limits.memory_mb"),
            (#"{"command":["/a"],"capabilities":{"products":["cards"]}}"#, "capabilities.products"),
            (#"{"command":["/a"],"capabilities":{"colour":1}}"#, "capabilities.colour"),
            (#"{"command":["/a"],"capabilities":{"unattended":1}}"#, "capabilities.unattended"),
        ])
    func mistakes(_ json: String, _ member: String) throws {
        let value = try JSONValue(parsing: Array(json.utf8))
        let mistake = #expect(throws: ExecConfiguration.Mistake.self) { try ExecConfiguration(value) }
        #expect(mistake?.member == member)
        #expect(mistake?.description.hasSuffix(".") == true)
    }
}
