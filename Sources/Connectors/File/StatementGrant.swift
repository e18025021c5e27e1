import Domain

/// What a connection that is fed by statements holds in place of a bank's grant.
public struct StatementGrant: Sendable, Equatable {
    /// The upload that the connection was linked by.
    public var book: String
    public var accounts: [FetchedAccount]

    public init(book: String, accounts: [FetchedAccount]) {
        self.book = book
        self.accounts = accounts
    }

    /// - Throws: `protocol_violation` for any other grant.
    public init(_ grant: Grant) throws(ConnectorError) {
        let value = try FileLinkState.object(grant.bytes)
        guard let book = value["book"]?.text, let accounts = value["accounts"]?.elements else {
            throw ConnectorError(.protocolViolation)
        }
        self.init(
            book: book,
            accounts: accounts.map {
                FetchedAccount(
                    upstreamID: $0["id"]?.text ?? "", number: $0["number"]?.text, name: $0["name"]?.text,
                    holderName: $0["holder"]?.text, type: $0["type"]?.text,
                    currency: Currency(code: $0["currency"]?.text ?? ""))
            })
    }

    public var grant: Grant {
        func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }
        let rows = accounts.map { account -> JSONValue in
            [
                "id": .string(account.upstreamID), "number": text(account.number), "name": text(account.name),
                "holder": text(account.holderName), "type": text(account.type),
                "currency": .string(account.currency.code),
            ]
        }
        let value: JSONValue = ["book": .string(book), "accounts": .array(rows)]
        return Grant(bytes: Array(value.encoded.utf8))
    }
}

/// Where linking by a file stands, between two answers.
enum FileLinkState: Equatable {
    case upload
    case confirm(String)

    var bytes: [UInt8] {
        let value: JSONValue =
            switch self {
            case .upload: ["stage": "upload"]
            case .confirm(let id): ["stage": "confirm", "upload": .string(id)]
            }
        return Array(value.encoded.utf8)
    }

    init(_ bytes: [UInt8]) throws(ConnectorError) {
        let value = try Self.object(bytes)
        switch (value["stage"]?.text, value["upload"]?.text) {
        case ("upload", _): self = .upload
        case ("confirm", let id?): self = .confirm(id)
        default: throw ConnectorError(.protocolViolation)
        }
    }

    static func object(_ bytes: [UInt8]) throws(ConnectorError) -> JSONValue {
        do {
            return try JSONValue(parsing: bytes)
        } catch {
            throw ConnectorError(.protocolViolation)
        }
    }
}
