import ArgumentParser
import Domain
import Engine
import Foundation

/// What can be said of an endpoint. An option that is left out changes nothing.
struct EndpointOptions: ParsableArguments {
    enum Payload: String, ExpressibleByArgument, CaseIterable { case thin, complete }
    enum Ordering: String, ExpressibleByArgument, CaseIterable { case none, endpoint, connection }
    enum SignatureName: String, ExpressibleByArgument, CaseIterable {
        case v1, v1a
        var signature: WebhookEndpoint.Signature { self == .v1 ? .v1 : .v1a }
    }

    @Option(help: "Where to send; needed the first time.") var url: String?
    @Option(help: "What it is for, in one line.") var description: String?
    @Option(
        name: .customLong("event-type"),
        help: "A type it gets, such as transaction.success or transaction.*; may be repeated. `all` for every event.")
    var eventTypes: [String] = []
    @Option(help: "thin: ids only; complete: the whole resource, account numbers and BVN included.")
    var payload: Payload?
    @Option(
        name: .customLong("payload-of"),
        help: "How much one type tells, such as transaction.*=complete; may be repeated, the first that fits wins.")
    var payloads: [String] = []
    @Option(help: "Sent as a bearer token with every event, as Okra did; empty for none.") var token: String?
    @Option(
        name: .customLong("header"),
        help: "A header of your own, as name=value; may be repeated. `none` takes all away.")
    var headers: [String] = []
    @Option(help: "A PEM file of the authorities that its certificate may come from; empty for the system's.")
    var authorities: String?
    @Option(help: "Requests a second, 1 to 10000; 0 for no limit.") var ratePerSecond: Int?
    @Option(help: "Requests at once, 1 to 64; 0 for as many as it answers well.") var inFlightMax: Int?
    @Option(help: "What may not overtake what: none, endpoint, or connection (per record).") var ordering: Ordering?
    @Option(
        help: "Seconds between attempts, as 5,60,3600: at most 20, each at most 86400. `standard` for the usual ones.")
    var retrySeconds: String?
    @Option(name: .customLong("signature"), help: "v1 (a shared secret) or v1a (a key pair); may be repeated.")
    var signatures: [SignatureName] = []
    @Flag(inversion: .prefixedNo, help: "One transaction.success for each transaction.")
    var splitTransactions: Bool?

    func change() throws -> EndpointChange {
        var change = EndpointChange()
        change.url = url
        change.description = description
        if !eventTypes.isEmpty { change.eventTypes = eventTypes == ["all"] ? [] : eventTypes }
        change.payload = payload.map { $0 == .complete ? .complete : .thin }
        if !payloads.isEmpty { change.payloads = try payloads.map(rule) }
        if let token { change.token = .some(token.isEmpty ? nil : token) }
        if !headers.isEmpty { change.headers = try EndpointHeaders(headers == ["none"] ? [:] : pairs()) }
        if let authorities {
            change.authorities = .some(
                authorities.isEmpty ? nil : try String(contentsOfFile: authorities, encoding: .utf8))
        }
        if let ratePerSecond { change.ratePerSecond = .some(ratePerSecond == 0 ? nil : ratePerSecond) }
        if let inFlightMax { change.inFlightMax = .some(inFlightMax == 0 ? nil : inFlightMax) }
        change.ordering = ordering.flatMap { WebhookEndpoint.Ordering(rawValue: $0.rawValue) }
        if let retrySeconds {
            change.retrySeconds = retrySeconds == "standard" ? [] : try seconds(retrySeconds)
        }
        if !signatures.isEmpty { change.signatures = signatures.map(\.signature) }
        change.splitsTransactions = splitTransactions
        return change
    }

    private func rule(_ text: String) throws -> WebhookEndpoint.PayloadRule {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2, let payload = WebhookEndpoint.Payload(rawValue: parts[1]) else {
            throw ValidationError("--payload-of must be as transaction.*=complete or balance.success=thin.")
        }
        return .init(pattern: parts[0], payload: payload)
    }

    private func pairs() throws -> [String: String] {
        var pairs: [String: String] = [:]
        for text in headers {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else { throw ValidationError("--header must be as x-team=payments.") }
            pairs[parts[0]] = parts[1]
        }
        return pairs
    }

    private func seconds(_ text: String) throws -> [Int] {
        try text.split(separator: ",").map { part in
            guard let number = Int(part) else { throw ValidationError("--retry-seconds must be as 5,60,3600.") }
            return number
        }
    }
}
