/// Which number is the day in a date such as 03/04/2024 or 24-01-31.
public enum DateOrder: String, Sendable, CaseIterable {
    case dayFirst = "day_first"
    case monthFirst = "month_first"
    /// Year, month and day: ISO 8601 without its century.
    case yearFirst = "year_first"
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

/// Reads a statement of any known format in pieces: finds out format, dialect and encoding from the first bytes,
/// unwraps a zip of statements, checks balances on the way, and holds the file to its limits.
///
/// A file whose dates do not say which number is the day is refused with `ambiguous_dates`; read it again with the
/// person's answer as `dateOrder`. Memory stays bounded whatever the file's size.
public struct StatementReader: StatementParser {
    /// nil until the first bytes told; always there when `finish` returns.
    public var dialect: StatementDialect? {
        var dialect = body.dialect
        dialect?.isZipped = zip != nil
        return dialect
    }
    /// Statements begun so far.
    public var statements: Int { body.gate.statements }
    /// Rows told so far.
    public var rows: Int { body.gate.rows }
    /// Notes beyond `notesMax`, which were not told.
    public var notesDropped: Int { body.gate.notesDropped }

    /// The first bytes, until they tell a zip from everything else.
    private var head: [UInt8]? = []
    private var zip: ZipReader?
    private var body: StatementBody
    private var bytes = 0
    private let limits: StatementLimits

    /// - Parameters:
    ///   - name: the file's name; the bytes alone decide, and a refusal says where it misleads.
    ///   - dateOrder: the person's answer to `ambiguous_dates`.
    ///   - profile: the slug of a CSV profile to use whatever the headings say.
    public init(
        name: String? = nil, limits: StatementLimits = StatementLimits(), profiles: CSVProfiles = .builtIn,
        dateOrder: DateOrder? = nil, profile: String? = nil
    ) {
        self.limits = limits
        body = StatementBody(
            name: name, limits: limits, profiles: profiles, dateOrder: dateOrder, profile: profile)
    }

    public mutating func feed(
        _ bytes: UnsafeRawBufferPointer, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        self.bytes += bytes.count
        guard self.bytes <= limits.bytesMax else { throw Self.tooLarge(limits) }
        guard var first = head else { return try pass(bytes, tell) }
        first.append(contentsOf: bytes)
        head = first
        if first.count >= 4 { try begin(tell) }
    }

    public mutating func finish(_ tell: (StatementEvent) throws(StatementError) -> Void) throws(StatementError) {
        if head != nil { try begin(tell) }
        try zip?.finish()
        try Self.finish(&body, tell)
    }

    private mutating func begin(_ tell: (StatementEvent) throws(StatementError) -> Void) throws(StatementError) {
        guard let first = head else { return }
        head = nil
        if ZipReader.isZip(first) { zip = ZipReader() }
        try first.asPiece { bytes throws(StatementError) in try pass(bytes, tell) }
    }

    private mutating func pass(
        _ bytes: UnsafeRawBufferPointer, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        if zip == nil { return try body.feed(bytes, tell) }
        try Self.unwrap(bytes, &zip, &body, tell)
    }

    private static func finish(
        _ body: inout StatementBody, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        do throws(StatementError) { try body.finish(tell) } catch { throw body.named(error) }
    }

    private static func unwrap(
        _ bytes: UnsafeRawBufferPointer, _ zip: inout ZipReader?, _ body: inout StatementBody,
        _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        try zip?.feed(bytes) { (file, piece) throws(StatementError) in
            if file > body.file {
                // A zip may begin with files that are empty.
                if !body.isEmpty { try finish(&body, tell) }
                body.begin(file: file)
            }
            do throws(StatementError) { try body.feed(piece, tell) } catch { throw body.named(error) }
        }
    }

    static func tooLarge(_ limits: StatementLimits) -> StatementError {
        StatementError(.tooLarge, "The file is larger than \(limits.bytesMax >> 20) MiB. Export a shorter period.")
    }
}
