import Domain
import Storage

/// What is told of an account's income.
extension Drafts {
    /// - Parameter json: the income as the API shows it.
    static func income(_ profile: IncomeProfile, _ json: [UInt8]) -> EventDraft {
        EventDraft(
            type: EventCatalog.income, method: "INCOME", code: "INCOME_IS_READY",
            message: "Successfully fetched income", accountID: profile.accountID, subject: profile.id,
            data: { out, isComplete in
                out.member("income", profile.id)
                if isComplete { out.raw("resource", String(decoding: json, as: UTF8.self)) }
            })
    }

    /// What was asked for could not be made.
    static func incomeFailed(_ profile: IncomeProfile, _ error: ConnectorError) -> EventDraft {
        EventDraft(
            type: EventCatalog.incomeFailed, method: "INCOME", code: "INCOME_ERROR", message: error.message,
            accountID: profile.accountID, subject: profile.id,
            data: { out, _ in
                out.member("income", profile.id)
                out.member("reason", error.code.rawValue)
            })
    }
}
