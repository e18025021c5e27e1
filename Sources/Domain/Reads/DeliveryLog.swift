/// Where an event stands with one endpoint.
public enum DeliveryState: String, Sendable, CaseIterable {
    /// Not sent yet.
    case waiting
    /// Sent in vain, and to be sent again.
    case failed
    case delivered
    /// Given up after its last attempt.
    case dead
    /// Set aside, since it brought its sender down again and again.
    case quarantined
    /// Tried in vain and then taken from the queue: its endpoint was removed, or the replay that it belonged to was
    /// cancelled. One that was never tried leaves nothing.
    case dropped

    /// - Parameters:
    ///   - isQueued: it waits to be sent.
    ///   - last: the outcome of its last attempt; nil before the first.
    public init(isQueued: Bool, last: String?) {
        if isQueued {
            self = last == nil ? .waiting : .failed
        } else {
            self = last.flatMap { Self.outcomes[$0] } ?? .dropped
        }
    }

    private static let outcomes: [String: DeliveryState] = [
        "delivered": .delivered, "dead": .dead, "quarantined": .quarantined,
    ]

    /// It waits in the queue.
    public var isQueued: Bool { self == .waiting || self == .failed }
}

/// The ids of the log on the wire: numbers behind a prefix, to be kept as they are.
public enum LogID {
    /// `dlv_` with the event's number and the delivery's, since deliveries are found by their event.
    public static func delivery(event: Int64, _ delivery: Int64) -> String { "dlv_\(event)_\(delivery)" }

    /// nil for what `delivery` never wrote.
    public static func delivery(_ text: String) -> (event: Int64, delivery: Int64)? {
        numbers(text, "dlv_", 2).map { ($0[0], $0[1]) }
    }

    /// `att_` with the attempt's time, its delivery's number and its own.
    public static func attempt(_ place: AttemptPlace) -> String {
        "att_\(place.at.ms)_\(place.delivery)_\(place.number)"
    }

    /// nil for what `attempt` never wrote.
    public static func attempt(_ text: String) -> AttemptPlace? {
        numbers(text, "att_", 3).map { AttemptPlace(at: Instant(ms: $0[0]), delivery: $0[1], number: $0[2]) }
    }

    /// The event's id as its bodies tell it.
    public static func event(_ id: Int64) -> String { "evt_" + pad(id, 19) }

    /// The event's number in `evt_…`, also of one part of it (`evt_…_2`).
    public static func event(_ text: String) -> Int64? {
        guard text.hasPrefix("evt_") else { return nil }
        let numbers = text.dropFirst(4).split(separator: "_", omittingEmptySubsequences: false).map(number)
        guard (1...2).contains(numbers.count), !numbers.contains(nil) else { return nil }
        return numbers[0]
    }

    static func numbers(_ text: String, _ prefix: String, _ count: Int) -> [Int64]? {
        guard text.hasPrefix(prefix), text.utf8.count <= 100 else { return nil }
        let parts = text.dropFirst(prefix.count).split(separator: "_", omittingEmptySubsequences: false)
        let numbers = parts.compactMap(number)
        return numbers.count == count && parts.count == count ? numbers : nil
    }

    /// Nothing that is numbered, and no time, is below 0: what reads an id may count from it without minding the least
    /// of all numbers.
    private static func number(_ text: Substring) -> Int64? { Int64(text).flatMap { $0 < 0 ? nil : $0 } }
}

/// A place in the log of attempts, which is in the order of time.
public struct AttemptPlace: Sendable, Hashable, Comparable {
    public let at: Instant
    public let delivery: Int64
    public let number: Int64

    public init(at: Instant, delivery: Int64, number: Int64) {
        self.at = at
        self.delivery = delivery
        self.number = number
    }

    public static func < (left: Self, right: Self) -> Bool {
        (left.at.ms, left.delivery, left.number) < (right.at.ms, right.delivery, right.number)
    }
}

/// What is asked of the log. Members that are nil or empty ask for all.
public struct LogFilter: Sendable, Equatable {
    public var event: Int64?
    /// Types by name, or groups as in `transaction.*`.
    public var types: [String]
    /// Empty for the events that belong to none.
    public var connection: String?
    public var endpoint: String?
    public var states: Set<DeliveryState>
    /// For deliveries when the event happened, in the environment's time; for attempts when they were made. Both ends
    /// are inclusive.
    public var from: Instant?
    public var to: Instant?

    public init(
        event: Int64? = nil, types: [String] = [], connection: String? = nil, endpoint: String? = nil,
        states: Set<DeliveryState> = [], from: Instant? = nil, to: Instant? = nil
    ) {
        self.event = event
        self.types = types
        self.connection = connection
        self.endpoint = endpoint
        self.states = states
        self.from = from
        self.to = to
    }

    /// Whether a type is among the asked ones.
    public func wants(type: String) -> Bool {
        types.isEmpty || types.contains { WebhookEndpoint.matches($0, type) }
    }

    /// Whether the instant is between the asked ones.
    public func wants(at instant: Instant) -> Bool {
        (from.map { $0 <= instant } ?? true) && (to.map { instant <= $0 } ?? true)
    }

    /// Whether the state is among the asked ones.
    public func wants(_ state: DeliveryState) -> Bool { states.isEmpty || states.contains(state) }
}

/// How far a reader of the log of deliveries has come: the last row of the walk that was looked at, and the last of its
/// deliveries that was shown; `.max` when all of them were.
public struct DeliveryPlace: Sendable, Hashable {
    /// What the list walks, which its filter decides: a cursor is good for lists of the same walk alone.
    public enum Walk: String, Sendable {
        /// One event's deliveries.
        case event
        /// A connection's events, the newest first.
        case connection
        /// The environment's events, the last committed first.
        case feed
        /// What waits, the newest event first.
        case queue
        /// What failed, the last attempt first.
        case failed

        /// The walk that looks at the fewest rows.
        public init(_ filter: LogFilter) {
            let isSome = !filter.states.isEmpty
            if filter.event != nil {
                self = .event
            } else if filter.connection != nil {
                self = .connection
            } else if isSome, filter.states.allSatisfy(\.isQueued) {
                self = .queue
            } else if isSome, filter.states.isSubset(of: [.dead, .quarantined]) {
                self = .failed
            } else {
                self = .feed
            }
        }
    }

    public let walk: Walk
    public let first: Int64
    public let second: Int64
    public let delivery: Int64

    public init(_ walk: Walk, _ first: Int64, _ second: Int64, delivery: Int64 = .max) {
        self.walk = walk
        self.first = first
        self.second = second
        self.delivery = delivery
    }

    /// As readers keep it.
    public var text: String { "\(walk.rawValue)_\(first)_\(second)_\(delivery)" }

    /// nil for what `text` never wrote for this walk.
    public init?(text: String, _ walk: Walk) {
        guard let numbers = LogID.numbers(text, "\(walk.rawValue)_", 3) else { return nil }
        self.init(walk, numbers[0], numbers[1], delivery: numbers[2])
    }

    /// Whether it is the same row, whatever was shown of it.
    public func isSameRow(as other: DeliveryPlace) -> Bool { (first, second) == (other.first, other.second) }
}

/// The lane of a replay that goes to another URL than its endpoint's, so that the one is not held up by the other.
public struct ReplayLane: Sendable, Equatable {
    public let endpointID: String
    public let replayID: Int64

    public init(endpointID: String, replayID: Int64) {
        self.endpointID = endpointID
        self.replayID = replayID
    }

    /// The lane's name.
    public var subject: String { "\(endpointID):replay:\(replayID)" }

    /// nil for a lane that is no replay's.
    public init?(subject: String) {
        let parts = subject.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1] == "replay", let id = Int64(parts[2]) else { return nil }
        self.init(endpointID: String(parts[0]), replayID: id)
    }
}
