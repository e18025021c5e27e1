import Domain
import Engine
import HTTPTypes

/// Events, pulled.
enum EventFeed {
    struct List: Endpoint {
        static let waitSecondsMax = 25
        static let route = EndpointRoute(
            method: .get, path: "/events", summary: "Events in the order of their commits, waited for if asked.",
            example: "{\"connection\":\"{record}\",\"limit\":\"20\"}", isLong: true,
            query: ["after", "cursor", "connection", "types", "payload", "limit", "wait"])

        static func handle(_ call: Call) async throws -> Reply {
            var query = try EventFeed.query(call, start(call.query))
            query.payload = try EventFeed.payload(call.query["payload"])
            let found = try await call.services.feeds.events(
                query, waiting: try wait(call.query["wait"]), in: call.environment())
            return Reply.json { write(found, &$0) }
        }

        /// `cursor` is what all other lists call it.
        private static func start(_ query: [String: String]) throws -> FeedStart {
            let given = ["after", "cursor"].compactMap { query[$0] }.filter { !$0.isEmpty }
            guard given.count < 2 || given[0] == given[1] else {
                throw DomainError.invalid("cursor", "and `after` are the same thing; send one of them.")
            }
            return FeedStart(given.first)
        }

        private static func wait(_ text: String?) throws -> Int64 {
            guard let text, !text.isEmpty else { return 0 }
            guard let seconds = Int64(text), (0...Int64(waitSecondsMax)).contains(seconds) else {
                throw DomainError.invalid("wait", "must be a whole number from 0 to \(waitSecondsMax).")
            }
            return seconds
        }
    }

    struct Get: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/events/{event}", summary: "One event, as the feed shows it.",
            example: "{\"payload\":\"complete\"}", query: ["payload"])

        static func handle(_ call: Call) async throws -> Reply {
            let body = try await call.services.feeds.event(
                call.parameter("event"), try EventFeed.payload(call.query["payload"]), in: call.environment())
            return Reply.json { $0.raw(body) }
        }
    }

    /// What `kubewa listen` begins with.
    struct Listening: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/events/listener",
            summary: "The signing secret of forwarded events, and a cursor to begin with.",
            example: "{\"last\":\"3\"}", query: ["connection", "types", "last"])

        static func handle(_ call: Call) async throws -> Reply {
            let environment = try call.environment()
            let found = try await call.services.feeds.listener(
                try EventFeed.query(call, .now), last: try last(call.query["last"]), in: environment)
            return Reply.json { out in
                out.object { out in
                    out.member("environment", environment.kind.rawValue)
                    out.member("secret", found.secret)
                    out.member("next_cursor", found.cursor)
                }
            }
        }

        private static func last(_ text: String?) throws -> Int {
            guard let text, !text.isEmpty else { return 0 }
            guard let number = Int(text), (0...FeedService.lastMax).contains(number) else {
                throw DomainError.invalid("last", "must be a whole number from 0 to \(FeedService.lastMax).")
            }
            return number
        }
    }

    // MARK: what is asked

    private static func payload(_ text: String?) throws -> WebhookEndpoint.Payload {
        guard let text, !text.isEmpty else { return .thin }
        guard let payload = WebhookEndpoint.Payload(rawValue: text) else {
            throw DomainError.invalid("payload", "must be `thin` or `complete`.")
        }
        return payload
    }

    private static func query(_ call: Call, _ start: FeedStart) throws -> EventQuery {
        var query = EventQuery(limit: try NativePage(call.query).limit, start: start)
        if let id = call.query["connection"], !id.isEmpty {
            query.connection = id == EventQuery.none ? id : OkraBody.id(id)
        }
        query.types = try LogFilter.types(LogQuery.names(call.query["types"]))
        return query
    }

    private static func write(_ page: EventPage, _ out: inout JSONWriter) {
        out.object { out in
            out.array("data") { $0.members(page.items) }
            out.member("has_more", page.hasMore)
            out.member("next_cursor", page.next)
            out.member("gap", page.gap?.rawValue)
            out.array("covered") { out in
                for range in page.covered {
                    out.object { out in
                        out.member("connection", range.connection)
                        out.member("epoch", range.epoch)
                        out.member("first_sequence", range.first)
                        out.member("last_sequence", range.last)
                    }
                }
            }
        }
    }
}
