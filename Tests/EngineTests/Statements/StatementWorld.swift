import Domain
import Engine
import Storage
import TestKit

/// A file in pieces, as a request brings it.
struct FilePieces: AsyncSequence {
    typealias Element = [UInt8]
    typealias Failure = any Error
    let bytes: [UInt8]
    var size = 64

    init(_ text: String, size: Int = 64) {
        bytes = Array(text.utf8)
        self.size = size
    }

    struct Iterator: AsyncIteratorProtocol {
        var left: ArraySlice<UInt8>
        let size: Int
        mutating func next() async throws -> [UInt8]? {
            guard !left.isEmpty else { return nil }
            defer { left = left.dropFirst(size) }
            return Array(left.prefix(size))
        }
    }

    func makeAsyncIterator() -> Iterator { Iterator(left: bytes[...], size: size) }
}

/// A statement in MT940, whose closing balance follows from its rows.
struct Statement {
    struct Row {
        let day: String
        let minor: Int64
        let text: String
    }
    var account = "0123456789"
    var opening: Int64 = 100_000
    var from = "240101"
    var to = "240131"
    var rows: [Row] = []

    init(_ rows: [(String, Int64, String)], account: String = "0123456789", opening: Int64 = 100_000) {
        self.rows = rows.map { Row(day: $0.0, minor: $0.1, text: $0.2) }
        self.account = account
        self.opening = opening
        from = rows.first?.0 ?? from
        to = rows.last?.0 ?? to
    }

    private static func amount(_ minor: Int64) -> String {
        let number = minor.magnitude
        return "\(number / 100),\(number % 100 < 10 ? "0" : "")\(number % 100)"
    }

    private static func balance(_ tag: String, _ minor: Int64, _ day: String) -> String {
        ":\(tag):\(minor < 0 ? "D" : "C")\(day)NGN\(amount(minor))\r\n"
    }

    var text: String {
        var out = ":20:STATEMENT\r\n:25:\(account)\r\n:28C:1/1\r\n" + Self.balance("60F", opening, from)
        for row in rows {
            out +=
                ":61:\(row.day)\(row.day.suffix(4))\(row.minor < 0 ? "D" : "C")\(Self.amount(row.minor))NMSCNONREF\r\n"
            out += ":86:\(row.text)\r\n"
        }
        return out + Self.balance("62F", rows.reduce(opening) { $0 + $1.minor }, to) + "-\r\n"
    }
}

extension World {
    var production: Domain.Environment { environment(.production) }

    /// Begins a link in production and uploads a file, up to the preview.
    func upload(
        _ text: String, institution: String = "access-bank", customer: String? = nil
    ) async throws -> LinkView {
        var request = BeginLink(institution: institution)
        request.customerID = customer
        let view = try await services.links.begin(request, in: production)
        return try await services.statements.upload(
            sessionID: view.id, in: production.scope, StatementOptions(), FilePieces(text, size: 1000))
    }

    func confirm(_ view: LinkView, _ fields: [String: String] = [:]) async throws -> LinkView {
        try await services.links.answer(
            sessionID: view.id, in: production.scope,
            answer: StepAnswer(fields: fields.merging(["confirm": "yes"]) { $1 }), revision: view.revision)
    }

    /// Uploads, says yes and lets everything happen.
    func linkStatement(_ text: String, customer: String? = nil) async throws -> LinkView {
        let done = try await confirm(try await upload(text, customer: customer))
        try await settle()
        return done
    }

    /// What is stored of a connection's first account.
    func rows(_ connection: String) async throws -> [FetchedTransaction] {
        let scope = production.scope
        return try await core.database.read { db in
            let accounts = try AccountStore.list(ID(trusted: connection), scope, db).prefix(1)
            let all = DayWindow(from: LocalDate(dayNumber: 0), to: LocalDate(dayNumber: 40_000))
            return try accounts.flatMap {
                try TransactionStore.stored($0.id, window: all, fetched: [], scope, db).map(\.fetched)
            }
        }.sorted { ($0.bookedOn, $0.amount.minor) < ($1.bookedOn, $1.amount.minor) }
    }
}
