import Connectors
import Domain
import Storage

/// What every event of a connection is told with.
struct EventContext {
    var environment: Domain.Environment
    var connection: Connection
    var customerName: String?
    var bvn: String?
    var startedAt: Instant
    var now: Instant
    var publicURL: String
    /// The run that an event is of.
    var refreshID: Int64?
    /// For the connection's secrets, where it was asked for beforehand.
    var sealer: Sealer?
}

/// An event before it has an id: its names on both wires and what it says.
struct EventDraft {
    var type: EventType
    /// `method` and `callback_type` of Okra's envelope.
    var method: String
    /// `code` and `callback_code`.
    var code: String
    var message: String
    var accountID: ID<Account>?
    /// The account's number where it is known, told whole only in complete bodies.
    var number: String?
    /// The rows that it tells of, where they are looked up by it, and the days that were looked at.
    var rows: [String] = []
    var window: DayWindow?
    /// What else it is about, as an identity's id.
    var subject: String?
    /// False when the complete body would say no more, or nothing may be sealed for the connection any more.
    var hasComplete = true
    /// Members of `data`; the flag says whether the complete resource was asked for.
    var data: (inout JSONWriter, _ isComplete: Bool) -> Void = { _, _ in }
    /// Okra's product members at the top of the envelope.
    var product: (inout JSONWriter, _ isComplete: Bool) -> Void = { _, _ in }
}

extension EventDraft {
    /// The parts in which endpoints get it that ask for one webhook per row.
    var parts: Int { type.isSplit ? rows.count : 0 }

    /// The call that gets what it tells of.
    func query(_ context: EventContext) -> ChangeQuery {
        let record = context.connection.id.hex
        switch type.leadsTo {
        case .account, .completeness:
            guard let accountID else { return ChangeQuery(.connection, record) }
            return ChangeQuery(type.leadsTo, accountID.hex, window: window)
        case .transactions: return ChangeQuery(.transactions, "", ids: rows, window: window)
        case .refresh:
            guard let refresh = context.refreshID else { return ChangeQuery(.connection, record) }
            return ChangeQuery(.refresh, String(refresh))
        case .identity: return ChangeQuery(.identity, subject ?? "")
        case .income: return ChangeQuery(.income, accountID?.hex ?? "", ids: [subject ?? ""])
        case .connection, .schedule, .lastEvent: return ChangeQuery(type.leadsTo, record)
        case .linkSession, .institution, .endpoint: return ChangeQuery(type.leadsTo, subject ?? "")
        }
    }
}

/// Renders an event as members of one JSON object: the native ones and Okra's envelope side by side. The receiver's
/// own URL (`callbackURL`) is added when it is sent.
enum OkraEnvelope {
    /// How much of an event a body has.
    enum Extent {
        case thin, complete
        /// Complete but for the rows, which are too many.
        case truncated
    }

    static func members(
        _ draft: EventDraft, _ context: EventContext, id: Int64, sequence: Int64, _ extent: Extent
    ) -> [UInt8] {
        var writer = JSONWriter(capacity: 2048)
        writer.object { out in
            native(draft, context, id, sequence, extent, &out)
            head(draft, context, &out)
            record(draft, context, extent != .thin, &out)
            draft.product(&out, extent == .complete)
        }
        return Array(writer.bytes.dropFirst().dropLast())
    }

    private static func native(
        _ draft: EventDraft, _ context: EventContext, _ id: Int64, _ sequence: Int64, _ extent: Extent,
        _ out: inout JSONWriter
    ) {
        out.member("event", draft.type.name)
        out.member("event_id", EventID.text(id))
        out.member("sequence", sequence)
        out.member("epoch", Epoch.of(id: id))
        out.member("created_at", context.now)
        out.object("data") { data in
            data.member("record", context.connection.id)
            data.member("customer", context.connection.customerID)
            if let account = draft.accountID { data.member("account", account) }
            if let refresh = context.refreshID { data.member("refresh", String(refresh)) }
            draft.data(&data, extent == .complete)
            if extent == .truncated { data.member("truncated", true) }
            data.object("query") { draft.query(context).write(event: EventID.text(id), &$0) }
        }
    }

    private static func head(_ draft: EventDraft, _ context: EventContext, _ out: inout JSONWriter) {
        out.member("method", draft.method)
        out.member("callback_type", draft.method)
        out.member("callback_code", draft.code)
        out.member("type", "CALLBACK")
        out.member("code", draft.code)
        out.member("env", context.environment.kind.okraName)
        out.member("status", draft.type.isError ? "is_error" : "is_success")
        out.member("started_at", context.startedAt)
        out.member("ended_at", context.now)
        out.member("message", draft.message)
        out.null("meta_responses")
        out.raw("options", context.connection.options)
        out.raw("meta", context.connection.meta)
    }

    private static func record(
        _ draft: EventDraft, _ context: EventContext, _ isComplete: Bool, _ out: inout JSONWriter
    ) {
        let connection = context.connection
        let institution = InstitutionCatalog.find(connection.institution)
        let record = connection.id.hex
        out.member("bankName", institution?.name ?? connection.institution)
        out.member("bankType", connection.loginType)
        out.member("bankId", institution?.id.hex)
        out.member("bankSlug", connection.institution)
        out.member("record", record)
        out.member("recordId", record)
        out.member(
            "callback_url", OkraPaths.callback(context.publicURL, context.environment.kind, record, draft.method))
        out.member("login_type", "bank")
        out.member("customerId", connection.customerID)
        out.array("customerEmail") { _ in }
        if isComplete, let bvn = context.bvn { out.member("customerBvn", bvn) }
        out.member("country", "NG")
        out.object("extras") { _ in }
        if let number = draft.number { out.member("nuban", isComplete ? number : String(number.suffix(4))) }
        out.member("current_project", context.environment.projectID)
        out.member("owner", context.environment.tenantID)
    }
}

/// Paths of Okra's wire that replies and webhooks name.
public enum OkraPaths {
    /// `/v2/sandbox` or `/v2`.
    public static func base(_ kind: EnvironmentKind) -> String { kind == .sandbox ? "/v2/sandbox" : "/v2" }

    /// The absolute URL at which the record's data of one method (`BALANCE`, `TRANSACTIONS` …) is fetched again.
    public static func callback(_ publicURL: String, _ kind: EnvironmentKind, _ record: String, _ method: String)
        -> String
    {
        "\(publicURL)\(base(kind))/callback?record=\(record)&method=\(method)"
    }
}

/// The id of an event on the wire, which is also `webhook-id`: the same over all retries.
public enum EventID {
    /// `evt_` and the number, padded with zeros; the part of an event has its own number behind another `_`.
    /// - Parameter part: 0 for the whole event.
    public static func text(_ id: Int64, part: Int64 = 0) -> String {
        part == 0 ? "evt_" + pad(id) : "evt_\(pad(id))_\(part)"
    }

    /// The number in `evt_…`, also of a part; nil for anything else.
    public static func parse(_ text: String) -> Int64? { parts(text)?.id }

    /// The number and the part in `evt_…` or `evt_…_3`; nil for anything else.
    public static func parts(_ text: String) -> (id: Int64, part: Int64)? {
        guard text.hasPrefix("evt_") else { return nil }
        let numbers = text.dropFirst(4).split(separator: "_", omittingEmptySubsequences: false)
        guard let id = numbers.first.flatMap({ Int64($0) }), id >= 0, numbers.count <= 2 else { return nil }
        guard numbers.count == 2 else { return (id, 0) }
        guard let part = Int64(numbers[1]), part > 0 else { return nil }
        return (id, part)
    }

    private static func pad(_ id: Int64) -> String {
        let digits = String(id)
        return String(repeating: "0", count: max(0, 19 - digits.count)) + digits
    }
}
