import Domain
import Storage

/// What a link session remembers of the widget run that began it.
public struct WidgetRun: Sendable, Equatable {
    /// Given back with the redirect.
    var state: String?
    /// The short link that opened the page.
    var linkID: ID<WidgetLink>?
    /// The connection that gets the new grant, instead of a new one being made.
    var repairs: ID<Connection>?
    /// Slugs of the banks that the page offers; nil for all.
    var banks: [String]?
    /// Index of the number of the account that is to come back, whichever connection has it.
    var reauthNumber: String?

    public init() {}

    init(json value: JSONValue?) {
        state = value?["state"]?.text
        linkID = value?["link"]?.text.flatMap { ID($0) }
        repairs = value?["repairs"]?.text.flatMap { ID($0) }
        banks = value?["banks"]?.elements?.compactMap(\.text)
        reauthNumber = value?["reauth_number"]?.text
    }

    var json: JSONValue {
        var members: [String: JSONValue] = [:]
        if let state { members["state"] = .string(state) }
        if let linkID { members["link"] = .string(linkID.hex) }
        if let repairs { members["repairs"] = .string(repairs.hex) }
        if let banks { members["banks"] = .array(banks.map(JSONValue.string)) }
        if let reauthNumber { members["reauth_number"] = .string(reauthNumber) }
        return .object(members)
    }
}
