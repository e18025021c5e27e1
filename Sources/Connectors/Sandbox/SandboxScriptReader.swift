import Domain

/// Reads one object of a script; every error names the place, as in `rules[2].from`.
struct SandboxScriptReader {
    private let members: [String: JSONValue]
    private let place: String

    init(_ value: JSONValue, at place: String, known: [String]) throws(DomainError) {
        guard let members = value.members else {
            throw .invalid(place.isEmpty ? "scenario" : String(place.dropLast()), "must be a JSON object.")
        }
        self.members = members
        self.place = place
        for name in members.keys.sorted() where !known.contains(name) {
            throw .invalid(
                place + String(name.prefix(40)), "is not known here. Known are: \(known.joined(separator: ", ")).")
        }
    }

    func has(_ name: String) -> Bool { value(name) != nil }

    private func value(_ name: String) -> JSONValue? { members[name]?.unlessNull }

    func text(_ name: String, _ sizes: ClosedRange<Int>) throws(DomainError) -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value.text, sizes.contains(text.count),
            text.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 })
        else {
            throw .invalid(
                place + name, "must be a text of \(sizes.lowerBound) to \(sizes.upperBound) plain characters.")
        }
        return text
    }

    func integer(_ name: String, _ range: ClosedRange<Int64>) throws(DomainError) -> Int64? {
        guard let value = value(name) else { return nil }
        guard case .integer(let number) = value, range.contains(number) else {
            throw .invalid(
                place + name, "must be a whole number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    func flag(_ name: String) throws(DomainError) -> Bool? {
        guard let value = value(name) else { return nil }
        guard case .bool(let flag) = value else { throw .invalid(place + name, "must be true or false.") }
        return flag
    }

    func choice<T: RawRepresentable & CaseIterable>(
        _ name: String, _ type: T.Type
    ) throws(DomainError) -> T? where T.RawValue == String {
        guard let value = value(name) else { return nil }
        guard let choice = value.text.flatMap(T.init(rawValue:)) else {
            throw .invalid(place + name, "must be one of: \(Self.known(type)).")
        }
        return choice
    }

    func choices<T: RawRepresentable & CaseIterable & Hashable>(
        _ name: String, _ type: T.Type
    ) throws(DomainError) -> Set<T>? where T.RawValue == String {
        guard let value = value(name) else { return nil }
        let found = (value.elements ?? []).compactMap { $0.text.flatMap(T.init(rawValue:)) }
        guard !found.isEmpty, found.count == value.elements?.count else {
            throw .invalid(place + name, "must be a list of: \(Self.known(type)).")
        }
        return Set(found)
    }

    private static func known<T: RawRepresentable & CaseIterable>(_ type: T.Type) -> String where T.RawValue == String {
        T.allCases.map(\.rawValue).joined(separator: ", ")
    }

    /// Milliseconds of `500ms`, `30s`, `15m`, `12h`, `3d` or `2w`.
    func duration(_ name: String) throws(DomainError) -> Int64? {
        guard let value = value(name) else { return nil }
        guard let ms = value.text.flatMap(Self.ms) else {
            throw .invalid(place + name, "must be a time such as 30s, 15m, 12h, 3d or 2w.")
        }
        return ms
    }

    private static let units: [(unit: String, ms: Int64)] = [
        ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", Instant.dayMs), ("w", 7 * Instant.dayMs),
    ]
    private static let durationMsMax: Int64 = 3650 * Instant.dayMs

    private static func ms(_ text: String) -> Int64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int64(digits), let unit = units.first(where: { $0.unit == text.dropFirst(digits.count) }),
            number <= durationMsMax / unit.ms
        else { return nil }
        return number * unit.ms
    }

    /// A duration since the login's first use, or an instant such as `2024-02-01T08:00:00Z`.
    func moment(_ name: String) throws(DomainError) -> SandboxRule.Moment? {
        guard let value = value(name) else { return nil }
        if let ms = value.text.flatMap(Self.ms) { return .after(ms: ms) }
        if let instant = value.text.flatMap(Instant.init(iso:)) { return .at(instant) }
        throw .invalid(place + name, "must be a time since the first login such as 3d, or 2024-02-01T08:00:00Z.")
    }

    /// `01:00-03:30`, in Lagos.
    func daily(_ name: String) throws(DomainError) -> SandboxRule.DailyWindow? {
        guard let value = value(name) else { return nil }
        let sides = (value.text ?? "").split(separator: "-", omittingEmptySubsequences: false).map(Self.minute)
        guard sides.count == 2, let from = sides[0], let to = sides[1], from != to else {
            throw .invalid(place + name, "must be two times of day in Lagos, such as 01:00-03:30.")
        }
        return SandboxRule.DailyWindow(from: from, to: to)
    }

    private static func minute(_ text: Substring) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.count == 2 }), let hour = Int(parts[0]),
            let minute = Int(parts[1]), (0...24).contains(hour), (0..<60).contains(minute), hour * 60 + minute <= 1440
        else { return nil }
        return hour * 60 + minute
    }

    /// The objects of a list, each with its place.
    func objects(_ name: String, atMost max: Int) throws(DomainError) -> [(value: JSONValue, place: String)] {
        guard let value = value(name) else { return [] }
        guard let elements = value.elements, elements.count <= max else {
            throw .invalid(place + name, "must be a list of at most \(max) objects.")
        }
        return elements.enumerated().map { ($0.element, "\(place)\(name)[\($0.offset)].") }
    }

    func object(_ name: String) -> (value: JSONValue, place: String)? {
        value(name).map { ($0, "\(place)\(name).") }
    }

    func invalid(_ name: String, _ why: String) -> DomainError { .invalid(place + name, why) }
}

extension SandboxScript {
    /// Reads a script's JSON.
    /// - Throws: `DomainError` that names the place and says what may stand there.
    public init(_ value: JSONValue) throws(DomainError) {
        let read = try SandboxScriptReader(
            value, at: "",
            known: [
                "about", "seed", "holder", "password", "challenge", "accounts", "type", "volume", "identity",
                "consent", "access_token", "rows", "rules",
            ])
        _ = try read.text("about", 1...500)
        seed = try read.integer("seed", 0...Int64.max).map(UInt64.init)
        holder = try read.text("holder", 1...100)
        password = try read.text("password", 1...64) ?? Self.password
        challenge = try read.choice("challenge", Challenge.self)
        accountCount = Int(try read.integer("accounts", 1...5) ?? 2)
        kind = try read.choice("type", SandboxCustomer.Kind.self) ?? .ind
        volume = try read.choice("volume", SandboxCustomer.Volume.self) ?? .medium
        identityPercent = Int(try read.integer("identity", 0...100) ?? 100)
        consentMs = try read.duration("consent")
        accessMs = try read.duration("access_token") ?? SandboxBank.accessMs
        for (value, place) in try read.objects("rows", atMost: Self.rowsMax) {
            rows.append(try SandboxScriptedRow(value, at: place))
        }
        for (value, place) in try read.objects("rules", atMost: Self.rulesMax) {
            rules.append(try SandboxRule(value, at: place))
        }
    }

    /// Reads a script from bytes.
    /// - Throws: `DomainError`, also when they are no JSON or too many.
    public init(parsing bytes: some Collection<UInt8>) throws {
        guard bytes.count <= Self.bytesMax else {
            throw DomainError.invalid("scenario", "must have at most \(Self.bytesMax >> 10) KiB.")
        }
        try self.init(JSONValue(parsing: bytes))
    }
}

extension SandboxScriptedRow {
    init(_ value: JSONValue, at place: String) throws(DomainError) {
        let read = try SandboxScriptReader(
            value, at: place,
            known: [
                "after", "account", "amount_minor", "narration", "pending", "posts_after", "posts_amount_minor",
                "posts_narration", "vanishes_after",
            ])
        let most = SandboxBank.amountMaxMinor
        guard let amount = try read.integer("amount_minor", -most...most), amount != 0 else {
            throw read.invalid("amount_minor", "is required and must not be 0.")
        }
        guard let narration = try read.text("narration", 1...SandboxBank.narrationMax) else {
            throw read.invalid("narration", "is required.")
        }
        self.init(amountMinor: amount, narration: narration)
        afterMs = try read.duration("after") ?? 0
        account = Int(try read.integer("account", 0...4) ?? 0)
        isPending = try read.flag("pending") ?? false
        postsAfterMs = try read.duration("posts_after")
        postsAmountMinor = try read.integer("posts_amount_minor", -most...most)
        postsNarration = try read.text("posts_narration", 1...SandboxBank.narrationMax)
        vanishesAfterMs = try read.duration("vanishes_after")
        if !isPending, postsAfterMs != nil { throw read.invalid("posts_after", "needs \"pending\": true.") }
        if postsAfterMs != nil, vanishesAfterMs != nil {
            throw read.invalid("vanishes_after", "cannot stand beside posts_after.")
        }
    }
}

extension SandboxRule {
    private static let when = ["on", "account", "from", "until", "daily", "weekdays", "chance", "times"]
    private static let what = [
        "latency", "error", "retry_after", "limit", "per", "access", "ids", "pending", "late", "hide", "omit", "paging",
        "lie", "body", "account_is", "rename",
    ]

    private enum Weekday: String, CaseIterable { case mon, tue, wed, thu, fri, sat, sun }

    init(_ value: JSONValue, at place: String) throws(DomainError) {
        let read = try SandboxScriptReader(value, at: place, known: Self.when + Self.what)
        self.init()
        operations = try read.choices("on", SandboxOperation.self) ?? []
        account = try read.integer("account", 0...4).map(Int.init)
        from = try read.moment("from")
        until = try read.moment("until")
        daily = try read.daily("daily")
        let days = try read.choices("weekdays", Weekday.self) ?? []
        weekdays = Set(Weekday.allCases.indices.filter { days.contains(Weekday.allCases[$0]) })
        chance = Int(try read.integer("chance", 1...100) ?? 100)
        times = try read.integer("times", 1...1_000_000)
        latencyMs = try read.duration("latency") ?? 0
        guard Self.what.contains(where: read.has) else {
            throw read.invalid("error", "or another effect is required: \(Self.what.joined(separator: ", ")).")
        }
        try readRefusals(read)
        show = try SandboxShow(read)
        if show.account != nil || show.rename != nil, times != nil || chance < 100 {
            throw read.invalid(times == nil ? "chance" : "times", "cannot be said of an account's state.")
        }
    }

    private mutating func readRefusals(_ read: SandboxScriptReader) throws(DomainError) {
        access = try read.choice("access", Access.self)
        let wait = try read.duration("retry_after").map { Int($0 / 1000) }
        refusal = try read.choice("error", SandboxRefused.Code.self).map {
            SandboxRefused(code: $0, retryAfterSeconds: wait ?? ($0 == .unavailable ? 60 : nil))
        }
        if wait != nil, refusal == nil { throw read.invalid("retry_after", "needs `error`.") }
        let span = try read.choice("per", Limit.Span.self)
        if let calls = try read.integer("limit", 0...1_000_000) {
            guard let span else { throw read.invalid("per", "is required: second, minute, hour or day.") }
            limit = Limit(calls: calls, span: span)
        } else if span != nil {
            throw read.invalid("per", "needs `limit`.")
        }
    }
}

extension SandboxShow {
    init(_ read: SandboxScriptReader) throws(DomainError) {
        ids = try read.choice("ids", IDs.self)
        pendingMs = try read.duration("pending")
        hiddenPercent = try read.integer("hide", 1...100).map(Int.init)
        omitted = try read.choices("omit", Member.self)
        paging = try read.choice("paging", Paging.self)
        lie = try read.choice("lie", Lie.self)
        body = try read.choice("body", Body.self)
        account = try read.choice("account_is", AccountState.self)
        rename = try read.text("rename", 1...60)
        if let (value, place) = read.object("late") {
            let late = try SandboxScriptReader(value, at: place, known: ["share", "by"])
            guard let percent = try late.integer("share", 1...100), let ms = try late.duration("by") else {
                throw late.invalid("by", "and `share` are required, as in {\"share\": 20, \"by\": \"30h\"}.")
            }
            self.late = Late(percent: Int(percent), ms: ms)
        }
    }
}
