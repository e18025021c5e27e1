import Domain
import FoundationEssentials
import Storage

/// What changed in an environment, in the order of commits: transactions as added, modified and removed, and events.
///
/// A reader keeps a cursor and nothing else. A batch is what was committed when it was begun: nothing shifts while its
/// pages are read, and what comes meanwhile is the next batch.
public struct FeedService: Sendable {
    let core: Core
    public init(core: Core) { self.core = core }

    /// Changes of one page, at most.
    public static let countMax = 500
    public static let countDefault = 100

    // MARK: cursors

    /// A cursor as its reader keeps it. It is signed, so that what comes back is what was given.
    func text(_ cursor: FeedCursor, _ feed: String, _ environment: Domain.Environment) -> String {
        let signed = cursor.text + ";" + signature(cursor.text, feed, environment)
        return Data(signed.utf8).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
            .replacing("=", with: "")
    }

    /// - Throws: `invalid_field` for what was not given out for this feed of this environment, or for a filter that
    ///   would show what the cursor has passed without telling of it. The cursor keeps the filter with which it was
    ///   given: one of everything may be narrowed to a part.
    func cursor(
        _ text: String, _ feed: String, field: String, _ filter: FeedFilter, _ environment: Domain.Environment
    ) throws -> FeedCursor {
        let padded =
            text.replacing("-", with: "+").replacing("_", with: "/")
            + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        guard text.utf8.count <= 512, let data = Data(base64Encoded: padded),
            let end = data.lastIndex(of: UInt8(ascii: ";")),
            case let plain = String(decoding: data[..<end], as: UTF8.self),
            case let given = String(decoding: data[data.index(after: end)...], as: UTF8.self),
            ConstantTime.isEqual(given, signature(plain, feed, environment)), let cursor = FeedCursor(text: plain)
        else {
            let event = feed == Self.eventFeed ? "the id of an event (`evt_…`), " : ""
            throw DomainError.invalid(field, "must be the `next_cursor` of a reply, \(event)`now`, or left out.")
        }
        guard filter.isWithin(cursor.filter) else {
            throw DomainError.invalid(
                field, "was given for another `account` or `connection`. Begin without it, or keep to that one.")
        }
        return cursor
    }

    private func signature(_ plain: String, _ feed: String, _ environment: Domain.Environment) -> String {
        String(core.vault.index("\(environment.id);\(feed);\(plain)", purpose: "feed_cursor").prefix(32))
    }

    // MARK: retention

    /// Puts right what a restored dump left. Call before events are written or read.
    func settle() async throws {
        _ = try await core.sumOverScopes { scope in
            _ = try await core.database.write { try FeedStore.settle(scope, $0) }
            return 0
        }
    }

    /// Forgets what was logged longer ago than events are kept, and puts right what a restored dump left.
    /// - Returns: rows that were forgotten.
    func prune() async throws -> Int {
        try await core.sumOverScopes { scope in
            _ = try await core.database.write { try FeedStore.settle(scope, $0) }
            return try await prune(scope)
        }
    }

    private func prune(_ scope: Scope) async throws -> Int {
        guard core.settings.retentionDays > 0 else { return 0 }
        let before = core.runtime.now() + -core.settings.retentionDays * Instant.dayMs
        var sum = 0
        while true {
            let count = try await core.database.write { try FeedStore.forget(before: before, scope, $0) }
            sum += count
            if count < FeedStore.forgottenMax { return sum }
        }
    }
}

/// Where a reader wants to go on.
public enum FeedStart: Sendable, Hashable {
    /// From the beginning of what is kept.
    case beginning
    /// From what is committed next.
    case now
    case cursor(String)

    /// The text of a request; absent and empty is the beginning.
    public init(_ text: String?) {
        switch text {
        case nil, "": self = .beginning
        case "now": self = .now
        case .some(let text): self = .cursor(text)
        }
    }
}

/// Why a reader has missed something for good.
public enum FeedGap: String, Sendable {
    /// What comes next was forgotten: the reader was away for longer than it is kept.
    case retention
    /// The database is not the one that gave the cursor: an older copy of it was put in its place.
    case restored
}
