import Domain

/// Where a linking stands, as bytes that outlive a restart. It holds no credentials.
struct SandboxLinkState: Sendable, Equatable {
    enum Stage: String, Sendable {
        case login, otp, question, accounts
        init?(challenge kind: String) {
            guard let stage = Stage(rawValue: kind), stage != .login else { return nil }
            self = stage
        }
    }

    var stage: Stage
    var challenge: String?
    var pushURL: String?
    var prompt = ""
    var choices: [Step.AccountChoice] = []

    init(stage: Stage, challenge: String?, pushURL: String?) {
        self.stage = stage
        self.challenge = challenge
        self.pushURL = pushURL
    }

    func progress(_ step: Step) -> LinkProgress { LinkProgress(step: step, state: bytes) }

    /// What this stage asks.
    func form(attemptsLeft: Int? = nil, problem: String? = nil) -> Step {
        let field: Step.Field
        switch stage {
        case .accounts: return .selectAccounts(choices)
        case .otp: field = Step.Field(key: "otp", kind: .otp, label: "One-time password")
        case .question, .login: field = Step.Field(key: "answer", kind: .secret, label: "Answer")
        }
        return .form(
            Step.Form(
                name: stage.rawValue, prompt: prompt, fields: [field], attemptsLeft: attemptsLeft, problem: problem))
    }

    var bytes: [UInt8] {
        var out = JSONWriter()
        out.object { out in
            out.member("stage", stage.rawValue)
            out.member("challenge", challenge)
            out.member("push_url", pushURL)
            out.member("prompt", prompt)
            out.array("choices") { out in
                for choice in choices {
                    out.object { out in
                        out.member("id", choice.upstreamID)
                        out.member("name", choice.name)
                        out.member("mask", choice.mask)
                        out.member("type", choice.type)
                    }
                }
            }
        }
        return out.bytes
    }

    init(_ bytes: [UInt8]) throws(ConnectorError) {
        let value = try SandboxTranslate.object(bytes)
        self.init(
            stage: try SandboxTranslate.required(value, "stage", Stage.init(rawValue:)),
            challenge: try SandboxTranslate.string(value, "challenge"),
            pushURL: try SandboxTranslate.string(value, "push_url"))
        prompt = try SandboxTranslate.text(value, "prompt")
        for choice in try SandboxTranslate.array(value, "choices") {
            choices.append(
                Step.AccountChoice(
                    upstreamID: try SandboxTranslate.text(choice, "id"),
                    name: try SandboxTranslate.text(choice, "name"),
                    mask: try SandboxTranslate.text(choice, "mask"), type: try SandboxTranslate.string(choice, "type")))
        }
    }
}

/// What a grant holds: the bank's pair of tokens.
struct SandboxTokens: Sendable, Equatable {
    var access: String
    var refresh: String

    init(_ reply: JSONValue) throws(ConnectorError) {
        access = try SandboxTranslate.text(reply, "access_token")
        refresh = try SandboxTranslate.text(reply, "refresh_token")
    }

    init(_ grant: Grant) throws(ConnectorError) { try self.init(try SandboxTranslate.object(grant.bytes)) }

    var grant: Grant {
        Grant(
            bytes: Array(
                JSONValue.object(["access_token": .string(access), "refresh_token": .string(refresh)]).encoded.utf8))
    }
}
