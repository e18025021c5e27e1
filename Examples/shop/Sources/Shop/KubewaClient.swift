import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// What went wrong, in words for the person in front of the page.
struct ShopProblem: Error, Encodable, Sendable {
    var code: String
    var message: String
    /// The status of this server's own answer.
    var status: Int = 502

    enum CodingKeys: String, CodingKey { case code, message }

    static func invalid(_ message: String) -> Self { ShopProblem(code: "invalid", message: message, status: 400) }
}

/// An account as Kubewa's API shows it.
struct BankAccount: Decodable, Sendable {
    struct Institution: Decodable, Sendable {
        var slug: String
        var name: String
    }

    var id: String
    var connection: String
    var institution: Institution
    var name: String?
    var number: String?
    var mask: String?
    var currency: String
}

/// Money that the sandbox bank is asked to post.
struct Posting: Encodable, Sendable {
    var institution: String
    var account: String
    var amountMinor: Int64
    var narration: String
    var channel: String
}

/// The four calls that the shop makes.
protocol KubewaCalls: Sendable {
    /// The accounts that are linked, newest first.
    func accounts() async throws(ShopProblem) -> [BankAccount]
    /// An account's transactions from a day on, newest first.
    func transactions(account: String, from day: String) async throws(ShopProblem) -> [BankTransaction]
    /// The bank's time: a sandbox has a clock of its own.
    func now() async throws(ShopProblem) -> Date
    /// Plays a customer's bank; sandbox only.
    func post(_ posting: Posting) async throws(ShopProblem)
}

/// Kubewa's native API over plain HTTP.
struct KubewaClient: KubewaCalls {
    static let answerBytesMax = 4 << 20
    static let pagesMax = 20

    /// Says at once when nobody listens, and lives as long as the process.
    private static let http: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.timeout.connect = .seconds(5)
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    let root: String
    let secretKey: String

    func accounts() async throws(ShopProblem) -> [BankAccount] {
        try await list("/accounts?limit=200", pagesMax: 1)
    }

    func transactions(account: String, from day: String) async throws(ShopProblem) -> [BankTransaction] {
        try await list("/accounts/\(account)/transactions?from=\(day)&limit=200", pagesMax: Self.pagesMax)
    }

    func now() async throws(ShopProblem) -> Date {
        struct Clock: Decodable { var now: String }
        do {
            let clock: Clock = try await call(.GET, "/sandbox/clock")
            return BankTime.instant(clock.now) ?? Date()
        } catch {
            guard error.code == "sandbox_only" else { throw error }
            return Date()
        }
    }

    func post(_ posting: Posting) async throws(ShopProblem) {
        struct Posted: Decodable {}
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        let body: Data
        do { body = try encoder.encode(posting) } catch { throw .invalid("This cannot be posted.") }
        let _: Posted = try await call(.POST, "/sandbox/transactions", body: body)
    }

    private func list<Item: Decodable>(_ path: String, pagesMax: Int) async throws(ShopProblem) -> [Item] {
        var items: [Item] = []
        var cursor = ""
        for _ in 0..<pagesMax {
            let page: Page<Item> = try await call(.GET, path + cursor)
            items += page.data
            guard let next = page.nextCursor else { break }
            cursor = "&cursor=\(next.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")"
        }
        return items
    }

    private struct Page<Item: Decodable>: Decodable {
        var data: [Item]
        var nextCursor: String?
    }

    private func call<Answer: Decodable>(
        _ method: HTTPMethod, _ path: String, body: Data? = nil
    ) async throws(ShopProblem) -> Answer {
        var request = HTTPClientRequest(url: "\(root)/api/v1\(path)")
        request.method = method
        request.headers.add(name: "authorization", value: "Bearer \(secretKey)")
        if let body {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(body, length: .known(Int64(body.count)))
        }
        let status: Int
        let bytes: [UInt8]
        do {
            let response = try await Self.http.execute(request, timeout: .seconds(15))
            status = Int(response.status.code)
            bytes = Array(try await response.body.collect(upTo: Self.answerBytesMax).readableBytesView)
        } catch {
            throw ShopProblem(
                code: "kubewa_unreachable", message: "Kubewa does not answer at \(root). Start it, then try again.")
        }
        guard (200..<300).contains(status) else { throw refusal(status, bytes) }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            return try decoder.decode(Answer.self, from: Data(bytes))
        } catch {
            throw ShopProblem(
                code: "unreadable", message: "What answers at \(root) is not Kubewa. Check KUBEWA_URL.")
        }
    }

    private func refusal(_ status: Int, _ bytes: [UInt8]) -> ShopProblem {
        struct Answer: Decodable {
            struct Details: Decodable {
                var code: String
                var message: String
            }
            var error: Details
        }
        guard let error = try? JSONDecoder().decode(Answer.self, from: Data(bytes)).error else {
            return ShopProblem(
                code: "unreadable", message: "\(root) answered \(status), and not as Kubewa does. Check KUBEWA_URL.")
        }
        let isKey = ["no_key", "unknown_key", "revoked_key", "wrong_key_kind", "wrong_environment"].contains(error.code)
        return ShopProblem(
            code: error.code,
            message: isKey ? "Kubewa refuses the secret key: \(error.message) Check KUBEWA_SECRET_KEY." : error.message)
    }
}
