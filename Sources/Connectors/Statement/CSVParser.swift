/// Reads statements in CSV: finds the headings and the profile that fits them, and makes rows of the lines below.
///
/// The first 64 KiB are looked at as a whole; everything else passes through.
public struct CSVParser: StatementParser {
    /// nil until the headings are found.
    public var profile: CSVProfile? { rows?.layout.profile }
    /// `utf-8` or `windows-1252`, as far as the bytes told so far.
    public var encoding: String { rows?.isForeign == true ? "windows-1252" : "utf-8" }

    private var head: [UInt8]? = []
    private var records: CSVRecords?
    private var rows: CSVRows?
    private let limits: StatementLimits
    private let profiles: [CSVProfile]
    private let dateOrder: DateOrder?

    /// - Parameters:
    ///   - dateOrder: the person's answer to `ambiguous_dates`.
    ///   - profile: the slug of the profile to use; nil chooses by the headings.
    /// - Throws: `no_profile` when no profile has this slug.
    public init(
        limits: StatementLimits = StatementLimits(), profiles: CSVProfiles = .builtIn, dateOrder: DateOrder? = nil,
        profile: String? = nil
    ) throws(StatementError) {
        self.limits = limits
        self.dateOrder = dateOrder
        guard let slug = profile else {
            self.profiles = profiles.all.map(\.profile)
            return
        }
        guard let found = profiles.find(slug) else {
            let all = profiles.all.map(\.profile.slug).joined(separator: ", ")
            throw StatementError(.noProfile, "There is no profile with this slug. There are: \(all).")
        }
        self.profiles = [found]
    }

    public mutating func feed(
        _ bytes: UnsafeRawBufferPointer, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        guard var first = head else { return try read(bytes, tell) }
        head = nil
        let taken = min(bytes.count, CSVDetector.headBytes - first.count)
        first.append(contentsOf: bytes[0..<taken])
        head = first
        guard first.count == CSVDetector.headBytes else { return }
        try begin(isWhole: false, tell)
        try read(UnsafeRawBufferPointer(rebasing: bytes[taken...]), tell)
    }

    public mutating func finish(_ tell: (StatementEvent) throws(StatementError) -> Void) throws(StatementError) {
        if head != nil { try begin(isWhole: true, tell) }
        guard var records, var rows else { return }
        self.rows = nil
        rows.isLastOpen = records.isOpen
        try records.finish { (record) throws(StatementError) in try rows.take(record, tell) }
        try rows.finish(tell)
        self.rows = rows
    }

    private mutating func begin(
        isWhole: Bool, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        var first = head ?? []
        head = nil
        if first.starts(with: [0xEF, 0xBB, 0xBF]) { first.removeFirst(3) }
        let layout = try CSVDetector(profiles: profiles, limits: limits).detect(first, isWhole: isWhole)
        records = CSVRecords(delimiter: layout.delimiter, bytesMax: limits.fieldBytesMax)
        rows = CSVRows(layout: layout, dateOrder: dateOrder)
        try first.asPiece { bytes throws(StatementError) in try read(bytes, tell) }
    }

    private mutating func read(
        _ bytes: UnsafeRawBufferPointer, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        // Held once, so that what is gathered in them is never copied.
        guard var records, var rows else { return }
        (self.records, self.rows) = (nil, nil)
        try records.feed(bytes) { (record) throws(StatementError) in try rows.take(record, tell) }
        (self.records, self.rows) = (records, rows)
    }
}
