import Domain
import HTTPTypes
import NIOCore

/// The envelope of every success: `status`, `message` and `data`, which is an object and never null.
enum OkraReply {
    static func reply(
        _ message: String, status: HTTPResponse.Status = .ok, _ data: (inout JSONWriter) throws -> Void
    ) rethrows -> Reply {
        try Reply.json(status: status) { out in
            try out.object { out in
                out.member("status", "success")
                out.member("message", message)
                try out.object("data") { try data(&$0) }
            }
        }
    }

    /// A page: `pagination` and the list under its key. The constant parts are copied as they are.
    static func list(_ message: StaticString, key: StaticString, _ listing: Listing) -> Reply {
        var body = ByteBuffer()
        body.reserveCapacity(listing.items.count + 512)
        body.writeStaticString("{\"status\":\"success\",\"message\":\"")
        body.writeStaticString(message)
        body.writeStaticString("\",\"data\":{\"pagination\":")
        var out = JSONWriter(capacity: 256)
        pagination(listing.info, &out)
        body.writeBytes(out.bytes)
        body.writeStaticString(",\"")
        body.writeStaticString(key)
        body.writeStaticString("\":[")
        body.writeBytes(listing.items)
        if listing.connections != nil {
            body.writeStaticString("],\"freshness\":[")
            body.writeBytes(listing.freshness)
        }
        body.writeStaticString("]}}")
        return Reply(body: body)
    }

    /// One object that is `data` itself or a member of it.
    static func object(_ message: StaticString, key: StaticString?, _ item: [UInt8]) -> Reply {
        var body = ByteBuffer()
        body.reserveCapacity(item.count + 128)
        body.writeStaticString("{\"status\":\"success\",\"message\":\"")
        body.writeStaticString(message)
        body.writeStaticString("\",\"data\":")
        if let key {
            body.writeStaticString("{\"")
            body.writeStaticString(key)
            body.writeStaticString("\":")
        }
        body.writeBytes(item)
        body.writeStaticString(key == nil ? "}" : "}}")
        return Reply(body: body)
    }

    /// `pagination` as a member.
    static func pagination(_ info: PageInfo, paginated out: inout JSONWriter) {
        out.key("pagination")
        pagination(info, &out)
    }

    static func pagination(_ info: PageInfo, _ out: inout JSONWriter) {
        out.object { out in
            out.member("totalDocs", info.total)
            out.member("limit", info.limit)
            out.member("hasPrevPage", info.previous != nil)
            out.member("hasNextPage", info.next != nil)
            out.member("page", info.page)
            out.member("totalPages", info.pages)
            out.member("pagingCounter", info.firstNumber)
            out.member("prevPage", info.previous.map(Int64.init))
            out.member("nextPage", info.next.map(Int64.init))
        }
    }
}
