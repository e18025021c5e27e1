import Domain

/// A step as JSON: how it is kept between answers, and how the API shows it.
public enum StepCodec {
    /// An object whose `kind` names the step: what the widget shows and what a session keeps.
    public static func json(_ step: Step) -> JSONValue {
        switch step {
        case .selectInstitution: return ["kind": "select_institution"]
        case .form(let form):
            var value: [String: JSONValue] = [
                "kind": "form", "name": .string(form.name), "prompt": .string(form.prompt),
                "fields": .array(form.fields.map(field)),
            ]
            if let left = form.attemptsLeft { value["attempts_left"] = .integer(Int64(left)) }
            if let problem = form.problem { value["problem"] = .string(problem) }
            return .object(value)
        case .selectAccounts(let choices):
            return ["kind": "select_accounts", "accounts": .array(choices.map(choice))]
        case .confirmAccounts(let pairs):
            return ["kind": "confirm_accounts", "accounts": .array(pairs.map(pair))]
        case .wait(let reason, let pollAfterMs):
            return ["kind": "wait", "reason": .string(reason), "poll_after_ms": .integer(pollAfterMs)]
        case .redirect(let url): return ["kind": "redirect", "url": .string(url)]
        case .upload(let upload): return self.upload(upload)
        case .confirmStatement(let preview):
            return .object((preview.json().members ?? [:]).merging(["kind": "confirm_statement"]) { $1 })
        case .done: return ["kind": "done"]
        case .failed(let error):
            return [
                "kind": "failed", "code": .string(error.code.rawValue), "message": .string(error.message),
                "recovery": .string(
                    error.recovery == .retry ? "retry" : error.recovery == .askUser ? "ask_user" : "stop"),
            ]
        }
    }

    /// As a session keeps it: what was read of a person's statement is kept sealed, with the upload.
    static func kept(_ step: Step) -> JSONValue {
        guard case .confirmStatement(let preview) = step else { return json(step) }
        return [
            "kind": "confirm_statement", "upload": .string(preview.upload),
            "problem": preview.problem.map(JSONValue.string) ?? .null,
        ]
    }

    private static func upload(_ upload: Step.Upload) -> JSONValue {
        [
            "kind": "upload", "prompt": .string(upload.prompt), "bytes_max": .integer(Int64(upload.bytesMax)),
            "accept": .array(upload.accept.map(JSONValue.string)),
            "problem": upload.problem.map(JSONValue.string) ?? .null,
        ]
    }

    private static func field(_ field: Step.Field) -> JSONValue {
        [
            "key": .string(field.key), "kind": .string(field.kind.rawValue), "label": .string(field.label),
            "choices": .array(field.choices.map(JSONValue.string)),
        ]
    }

    private static func choice(_ choice: Step.AccountChoice) -> JSONValue {
        [
            "id": .string(choice.upstreamID), "name": .string(choice.name), "mask": .string(choice.mask),
            "type": choice.type.map(JSONValue.string) ?? .null,
        ]
    }

    private static func pair(_ pair: Step.AccountPair) -> JSONValue {
        [
            "before": pair.before.map(choice) ?? .null, "after": pair.after.map(choice) ?? .null,
            "rule": pair.rule.map { .string($0.rawValue) } ?? .null,
            "certain": .bool(pair.rule?.isCertain ?? true),
            "why": .string(
                pair.rule?.why
                    ?? (pair.before == nil ? "It comes with this login." : "It is not part of this login.")),
        ]
    }

    /// Reads what `json` wrote.
    public static func step(_ value: JSONValue) -> Step {
        switch value["kind"]?.text {
        case "select_institution": return .selectInstitution
        case "form":
            return .form(
                Step.Form(
                    name: value["name"]?.text ?? "", prompt: value["prompt"]?.text ?? "",
                    fields: (value["fields"]?.elements ?? []).map(field), attemptsLeft: int(value["attempts_left"]),
                    problem: value["problem"]?.text))
        case "select_accounts":
            return .selectAccounts((value["accounts"]?.elements ?? []).compactMap(choice))
        case "confirm_accounts":
            return .confirmAccounts(
                (value["accounts"]?.elements ?? []).map {
                    Step.AccountPair(
                        before: choice($0["before"]), after: choice($0["after"]),
                        rule: $0["rule"]?.text.flatMap(AccountMapping.Rule.init(rawValue:)))
                })
        case "wait":
            return .wait(reason: value["reason"]?.text ?? "", pollAfterMs: Int64(int(value["poll_after_ms"]) ?? 1000))
        case "redirect": return .redirect(url: value["url"]?.text ?? "")
        case "upload":
            return .upload(
                Step.Upload(
                    prompt: value["prompt"]?.text ?? "", bytesMax: int(value["bytes_max"]) ?? 0,
                    accept: (value["accept"]?.elements ?? []).compactMap(\.text), problem: value["problem"]?.text))
        case "confirm_statement": return .confirmStatement(StatementPreview(json: value))
        case "done": return .done
        default:
            let code = ConnectorError.Code(rawValue: value["code"]?.text ?? "") ?? .protocolViolation
            return .failed(ConnectorError(code, value["message"]?.text))
        }
    }

    private static func choice(_ value: JSONValue?) -> Step.AccountChoice? {
        guard let value, value.members != nil else { return nil }
        return Step.AccountChoice(
            upstreamID: value["id"]?.text ?? "", name: value["name"]?.text ?? "", mask: value["mask"]?.text ?? "",
            type: value["type"]?.text)
    }

    private static func field(_ value: JSONValue) -> Step.Field {
        Step.Field(
            key: value["key"]?.text ?? "", kind: .init(rawValue: value["kind"]?.text ?? "") ?? .text,
            label: value["label"]?.text ?? "", choices: (value["choices"]?.elements ?? []).compactMap(\.text))
    }

    private static func int(_ value: JSONValue?) -> Int? {
        if case .integer(let number) = value { Int(number) } else { nil }
    }
}
