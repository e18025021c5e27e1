import Connectors
import Domain
import Storage

/// Events as they look, made of what the catalogue has as examples.
public enum EventExamples {
    /// The members of an example's body with their braces, as it is sent to `https://shop.example/hook`.
    public static func body(of type: EventType, isComplete: Bool) -> [UInt8] {
        let members: [UInt8]
        switch type.source {
        case .record:
            members = OkraEnvelope.members(
                draft(type, isFired: false), context(), id: EventExample.event, sequence: 3,
                isComplete && type.hasComplete ? .complete : .thin)
        case .environment:
            members = OkraEnvelope.members(
                environmentDraft(type, isFired: false), environment, id: EventExample.event, sequence: 3, at: now)
        }
        var writer = JSONWriter(capacity: members.count + 64)
        writer.object { out in
            out.members(members)
            out.member("callbackURL", "https://shop.example/hook")
        }
        return writer.bytes
    }

    /// An example of an event of a record.
    /// - Parameter isFired: it is sent by hand and says so, by `example` in `data`.
    static func draft(_ type: EventType, isFired: Bool = true) -> EventDraft {
        let example = type.example
        let account = example.data["account"]?.text.flatMap { ID<Account>($0) }
        let data = example.data.members?.filter { $0.key != "account" } ?? [:]
        var draft = EventDraft(
            type: type, method: type.okra.methods[0], code: type.okra.codes[0], message: type.meaning,
            accountID: account, number: account == nil ? nil : "0123456789", rows: rows(type), window: window(type),
            subject: (example.data["identity"] ?? example.data["income"])?.text, hasComplete: type.hasComplete)
        draft.data = { out, isComplete in
            write(data, &out)
            if isComplete, let resource = example.resource { out.member("resource", resource) }
            if isFired { out.member("example", true) }
        }
        draft.product = { out, isComplete in
            write((isComplete ? example.completeTop : example.top).members ?? [:], &out)
        }
        return draft
    }

    /// An example of an event of the environment itself.
    static func environmentDraft(_ type: EventType, isFired: Bool = true) -> EnvironmentDraft {
        let data = type.example.data
        let subject = data["endpoint"] ?? data["session"] ?? data["institution"]
        return EnvironmentDraft(
            type: type, method: type.okra.methods[0], code: type.okra.codes[0], subject: subject?.text ?? "",
            id: data["institution_id"]?.text,
            data: { out in
                write(data.members ?? [:], &out)
                if isFired { out.member("example", true) }
            })
    }

    // MARK: parts

    private static func write(_ members: [String: JSONValue], _ out: inout JSONWriter) {
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            out.key(name)
            out.value(value)
        }
    }

    private static func rows(_ type: EventType) -> [String] {
        guard type.leadsTo == .transactions else { return [] }
        return type.isSplit ? [EventExample.transaction] : [EventExample.transaction, EventExample.other]
    }

    private static func window(_ type: EventType) -> DayWindow? {
        let data = type.example.data
        guard let from = data["from"]?.text.flatMap({ LocalDate($0) }),
            let to = data["to"]?.text.flatMap({ LocalDate($0) })
        else { return nil }
        return DayWindow(from: from, to: to)
    }

    private static let now = Instant(ms: 1_705_309_202_000)
    private static let environment = Domain.Environment(
        id: 1, tenantID: ID(trusted: EventExample.tenant), projectID: ID(trusted: EventExample.project),
        kind: .sandbox, offsetMs: 0, businessName: "Acme Shop")

    private static func context() -> EventContext {
        let connection = Connection(
            id: ID(trusted: EventExample.record), authID: ID(trusted: EventExample.other),
            customerID: ID(trusted: EventExample.customer), appID: ID(trusted: EventExample.project),
            institution: "access-bank", connector: "sandbox", upstreamUser: nil, status: .active,
            products: .all, loginType: "ind", historyMonths: 12, callbackURL: nil, refreshWebhookURL: nil,
            options: #"{"user":"42"}"#, meta: "{}", consentExpiresAt: nil, createdAt: now)
        return EventContext(
            environment: environment, connection: connection, customerName: "Ada Okafor", bvn: "22212345678",
            startedAt: Instant(ms: now.ms - 2000), now: now, publicURL: "https://kubewa.example",
            refreshID: EventExample.refresh)
    }
}
