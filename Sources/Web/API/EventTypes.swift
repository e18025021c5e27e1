import Domain
import Engine
import HTTPTypes

/// The catalogue of events.
enum EventTypes {
    struct List: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/event_types", summary: "Every event there is, with what it tells.", access: .open,
            query: [])

        static func handle(_ call: Call) async throws -> Reply {
            Reply.json { out in
                out.object { out in
                    out.array("data") { out in
                        for type in EventCatalog.all { out.object { write(type, &$0) } }
                    }
                    out.member("has_more", false)
                    out.member("next_cursor", String?.none)
                }
            }
        }
    }

    struct Get: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/event_types/{event_type}", summary: "One event, with its schemas and examples.",
            access: .open, query: [])

        static func handle(_ call: Call) async throws -> Reply {
            guard let type = EventCatalog.find(call.parameter("event_type")) else {
                throw DomainError(.notFound, "There is no such event. `GET /api/v1/event_types` lists them all.")
            }
            return Reply.json { out in
                out.object { out in
                    write(type, &out)
                    out.object("schemas") { out in
                        out.member("thin", type.schema(isComplete: false).json)
                        if !type.hasComplete {
                            out.null("complete")
                        } else {
                            out.member("complete", type.schema(isComplete: true).json)
                        }
                    }
                    out.object("examples") { out in
                        out.key("thin")
                        out.raw(EventExamples.body(of: type, isComplete: false))
                        if !type.hasComplete {
                            out.null("complete")
                        } else {
                            out.key("complete")
                            out.raw(EventExamples.body(of: type, isComplete: true))
                        }
                    }
                }
            }
        }
    }

    private static func write(_ type: EventType, _ out: inout JSONWriter) {
        out.member("name", type.name)
        out.member("meaning", type.meaning)
        out.member("status", type.isPlanned ? "planned" : "live")
        out.member("of", type.source.rawValue)
        out.member("subject", type.subject)
        out.member("outcome", type.outcome?.rawValue)
        out.array("payloads") { out in
            out.string("thin")
            if type.hasComplete { out.string("complete") }
        }
        out.member("to_refresh_url", type.isRefresh)
        out.array("methods") { out in for name in type.okra.methods { out.string(name) } }
        out.array("codes") { out in for code in type.okra.codes { out.string(code) } }
        out.object("query") { out in
            out.member("method", type.leadsTo.method)
            out.member("path", type.leadsTo.template)
        }
    }
}
