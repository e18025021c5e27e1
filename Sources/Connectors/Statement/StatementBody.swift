/// A statement that is in no zip, or the files of a zip one after another as one file: the first bytes of each decide
/// which parser reads it, and every event passes the gate.
struct StatementBody {
    private(set) var gate: StatementGate
    /// The number of the file in a zip, from 1.
    var file: Int { gate.file }

    private let name: String?
    private let limits: StatementLimits
    private let profiles: CSVProfiles
    private let dateOrder: DateOrder?
    private let profile: String?
    private var bytes = 0
    /// The first bytes, until they are enough to tell what they are.
    private var head: [UInt8]? = []
    private var transcoder: StatementTranscoder?
    private var format: StatementFormat?
    // One of them reads; each is changed in its place, so that what it holds is never copied.
    private var csv: CSVParser?
    private var ofx: OFXParser?
    private var mt940: MT940Parser?
    private var camt: CAMTParser?
    /// What the files of the zip before this one are.
    private var before: StatementDialect?

    init(name: String?, limits: StatementLimits, profiles: CSVProfiles, dateOrder: DateOrder?, profile: String?) {
        gate = StatementGate(limits: limits)
        self.name = name
        self.limits = limits
        self.profiles = profiles
        self.dateOrder = dateOrder
        self.profile = profile
    }

    var dialect: StatementDialect? {
        guard let format = camt?.format ?? format else { return before }
        let encoding = transcoder == nil ? csv?.encoding ?? "utf-8" : "utf-16"
        return StatementDialect(format: format, profile: csv?.profile?.slug, encoding: encoding)
    }

    mutating func feed(
        _ piece: UnsafeRawBufferPointer, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        bytes += piece.count
        guard bytes <= limits.bytesMax else { throw StatementReader.tooLarge(limits) }
        guard var first = head else { return try decode(piece, tell) }
        let taken = min(piece.count, StatementSniffer.headBytes - first.count)
        head = nil
        first.append(contentsOf: piece[0..<taken])
        head = first
        guard first.count == StatementSniffer.headBytes else { return }
        try begin(tell)
        try decode(UnsafeRawBufferPointer(rebasing: piece[taken...]), tell)
    }

    mutating func finish(_ tell: (StatementEvent) throws(StatementError) -> Void) throws(StatementError) {
        if head != nil { try begin(tell) }
        if let rest = transcoder?.finish(), !rest.isEmpty { try parse(rest, tell) }
        try Self.finish(&csv, &gate, tell)
        try Self.finish(&ofx, &gate, tell)
        try Self.finish(&mt940, &gate, tell)
        try Self.finish(&camt, &gate, tell)
        guard let before else { return }
        guard before.format == dialect?.format else {
            throw StatementError(
                .archive, "It is of another format than the one before, and may tell the same rows. Upload one of them."
            )
        }
        guard !gate.hasNameless else {
            throw StatementError(
                .archive, "The zip holds several files, and not each names its account. Upload them one by one.")
        }
    }

    var isEmpty: Bool { bytes == 0 }

    /// An error that says which file of a zip is meant, beside the first.
    func named(_ error: StatementError) -> StatementError {
        file == 1 ? error : StatementError(error.code, gate.name + error.message, place: error.place)
    }

    /// What follows is the next file; the one before is finished, or was empty.
    mutating func begin(file: Int) {
        before = dialect
        gate.file = file
        head = []
        (transcoder, format) = (nil, nil)
        (csv, ofx, mt940, camt) = (nil, nil, nil, nil)
    }

    // MARK: choosing

    private mutating func begin(_ tell: (StatementEvent) throws(StatementError) -> Void) throws(StatementError) {
        var first = head ?? []
        head = nil
        if let wide = StatementSniffer.wide(first) {
            var coder = StatementTranscoder(wide)
            first = first.withUnsafeBytes { coder.take($0) }
            transcoder = coder
        }
        if first.starts(with: [0xEF, 0xBB, 0xBF]) { first.removeFirst(3) }
        if ZipReader.isZip(first) {
            throw StatementError(.archive, "The zip holds another zip. Upload the statement itself.")
        }
        switch try StatementSniffer.kind(first, name: name) {
        case .csv:
            format = .csv
            csv = try CSVParser(limits: limits, profiles: profiles, dateOrder: dateOrder, profile: profile)
        case .ofx:
            format = .ofx
            ofx = OFXParser(limits: limits)
        case .mt940, .mt942:
            format = try StatementSniffer.kind(first, name: name) == .mt940 ? .mt940 : .mt942
            mt940 = MT940Parser(limits: limits)
        case .xml: camt = CAMTParser(limits: limits)
        }
        try parse(first, tell)
    }

    private mutating func decode(
        _ piece: UnsafeRawBufferPointer, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        guard transcoder != nil else { return try parse(piece, tell) }
        // A slice at a time: the text is as large as what it is made of.
        var start = 0
        while start < piece.count {
            let end = min(start + (64 << 10), piece.count)
            let text = transcoder?.take(UnsafeRawBufferPointer(rebasing: piece[start..<end])) ?? []
            try parse(text, tell)
            start = end
        }
    }

    private mutating func parse(
        _ text: [UInt8], _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        try text.asPiece { bytes throws(StatementError) in try parse(bytes, tell) }
    }

    private mutating func parse(
        _ bytes: UnsafeRawBufferPointer, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        guard !bytes.isEmpty else { return }
        try Self.feed(bytes, &csv, &gate, tell)
        try Self.feed(bytes, &ofx, &gate, tell)
        try Self.feed(bytes, &mt940, &gate, tell)
        try Self.feed(bytes, &camt, &gate, tell)
    }

    private static func feed(
        _ bytes: UnsafeRawBufferPointer, _ parser: inout (some StatementParser)?, _ gate: inout StatementGate,
        _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        try parser?.feed(bytes) { (event) throws(StatementError) in try gate.pass(event, tell) }
    }

    private static func finish(
        _ parser: inout (some StatementParser)?, _ gate: inout StatementGate,
        _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        try parser?.finish { (event) throws(StatementError) in try gate.pass(event, tell) }
    }
}

extension [UInt8] {
    /// Its bytes as a piece of a file.
    func asPiece(
        _ body: (UnsafeRawBufferPointer) throws(StatementError) -> Void
    ) throws(StatementError) {
        var fault: StatementError?
        withUnsafeBytes { bytes in
            do throws(StatementError) { try body(bytes) } catch { fault = error }
        }
        if let fault { throw fault }
    }
}
