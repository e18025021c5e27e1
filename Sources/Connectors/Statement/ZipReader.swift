import CZlib

/// Unwraps a zip of statements, in pieces and without its directory, which stands at the end.
///
/// What a computer puts beside files (`__MACOSX`, folders, `.DS_Store`) is passed over. A password, a zip in a zip, a
/// spreadsheet and a bomb are refused. Names are never used as paths.
struct ZipReader {
    private enum State {
        case signature, header, names, data, descriptor, directory
    }

    /// What may unfold to more than this many times its own size is a bomb; statements reach 50.
    private static let ratioMax = 200
    private static let freeBytes = 256 << 10
    private static let headerBytes = 30
    private static let filesMax = 100
    private var state = State.signature
    private var held: [UInt8] = []
    private var file = ZipFile()
    private var inflater: ZipInflater?
    private var files = 0
    private var isLongDescriptor = false

    /// True for the first bytes of a zip.
    static func isZip(_ head: some Collection<UInt8>) -> Bool {
        head.starts(with: [0x50, 0x4B, 3, 4]) || head.starts(with: [0x50, 0x4B, 5, 6])
    }

    /// Takes the next piece and gives what it unfolds to, with the number of the file in the zip, from 1.
    mutating func feed(
        _ bytes: UnsafeRawBufferPointer, _ give: (Int, UnsafeRawBufferPointer) throws(StatementError) -> Void
    ) throws(StatementError) {
        var rest = bytes
        while !rest.isEmpty, state != .directory {
            let taken = state == .data ? try takeData(rest, give) : try takeHeld(rest)
            rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
            if state == .data, file.isComplete(inflater) { try endData() }
        }
    }

    /// - Throws: `truncated` when the zip ends in the middle, `archive` when it held nothing.
    func finish() throws(StatementError) {
        guard state == .directory else {
            throw StatementError(.truncated, "The zip ends in the middle. Export or copy it again.")
        }
        guard files > 0 else { throw StatementError(.archive, "The zip holds no file. Upload the statement itself.") }
    }

    // MARK: headers

    private mutating func takeHeld(_ bytes: UnsafeRawBufferPointer) throws(StatementError) -> Int {
        let taken = min(bytes.count, max(wanted - held.count, 0))
        held.append(contentsOf: bytes[0..<taken])
        guard held.count >= wanted else { return taken }
        switch state {
        case .signature:
            if held.starts(with: [0x50, 0x4B, 3, 4]) {
                state = .header
            } else if held.starts(with: [0x50, 0x4B]) {
                state = .directory
            } else {
                throw ZipInflater.damaged
            }
        case .header:
            file = ZipFile(header: held)
            state = .names
        case .names: try beginFile()
        case .descriptor: if held.count > ZipFile.descriptorMark.count { try endDescriptor() }
        case .data, .directory: break
        }
        return taken
    }

    private var wanted: Int {
        switch state {
        case .signature: 4
        case .header: Self.headerBytes
        case .names: Self.headerBytes + file.nameBytes + file.extraBytes
        case .descriptor:
            // The mark may be missing, and sizes may have eight bytes.
            held.count < 4
                ? 4 : (isLongDescriptor ? 20 : 12) + (held.starts(with: ZipFile.descriptorMark) ? 4 : 0)
        case .data, .directory: 0
        }
    }

    private mutating func beginFile() throws(StatementError) {
        let name = held[Self.headerBytes..<(Self.headerBytes + file.nameBytes)]
        held.removeAll(keepingCapacity: true)
        try file.check(name: String(decoding: name, as: UTF8.self))
        if file.isWanted {
            files += 1
            guard files <= Self.filesMax else {
                throw StatementError(.tooLarge, "The zip holds more than \(Self.filesMax) files. Split it.")
            }
        }
        inflater = file.isStored ? nil : ZipInflater()
        state = .data
        if file.isComplete(inflater) { try endData() }
    }

    // MARK: data

    private mutating func takeData(
        _ bytes: UnsafeRawBufferPointer, _ give: (Int, UnsafeRawBufferPointer) throws(StatementError) -> Void
    ) throws(StatementError) -> Int {
        var told = file
        let number = files
        let taken: Int
        let packed = file.packedBytes + min(bytes.count, ZipInflater.pieceBytes)
        let bytesMax = Self.freeBytes + Self.ratioMax * packed
        if let inflater {
            taken = try inflater.take(bytes) { (made) throws(StatementError) in
                told.count(made)
                guard told.bytes <= bytesMax else {
                    throw StatementError(
                        .bomb, "The zip unfolds to far more than any statement. Upload the file itself.")
                }
                if told.isWanted { try give(number, made) }
            }
        } else {
            taken = min(bytes.count, file.size - file.packedBytes)
            let made = UnsafeRawBufferPointer(rebasing: bytes[0..<taken])
            told.count(made)
            if told.isWanted { try give(number, made) }
        }
        told.packedBytes += taken
        file = told
        if taken == 0, !file.isComplete(inflater) { throw ZipInflater.damaged }
        return taken
    }

    private mutating func endData() throws(StatementError) {
        inflater = nil
        if file.hasDescriptor {
            state = .descriptor
        } else {
            try file.verify()
            state = .signature
        }
    }

    /// The sums behind the data.
    private mutating func endDescriptor() throws(StatementError) {
        let sums = held.dropFirst(held.starts(with: ZipFile.descriptorMark) ? 4 : 0)
        let isLong = sums.count > 12
        guard isLong || file.isOf(size: sums.suffix(4)) else {
            isLongDescriptor = true
            return
        }
        try file.verify(descriptor: sums)
        isLongDescriptor = false
        held.removeAll(keepingCapacity: true)
        state = .signature
    }
}

/// A file of a zip, as its header tells it and as its bytes turn out.
struct ZipFile {
    static let descriptorMark: [UInt8] = [0x50, 0x4B, 7, 8]
    private(set) var nameBytes = 0
    private(set) var extraBytes = 0
    private(set) var isWanted = false
    private(set) var bytes = 0
    var packedBytes = 0
    private var flags = 0
    private var method = 0
    private var sum: UInt32 = 0
    /// Of the packed bytes, where there is no descriptor.
    private(set) var size = 0
    private var made: UInt = 0

    init() {}

    init(header: [UInt8]) {
        flags = number(header[6..<8])
        method = number(header[8..<10])
        sum = UInt32(number(header[14..<18]))
        size = number(header[18..<22])
        nameBytes = number(header[26..<28])
        extraBytes = number(header[28..<30])
    }

    var isStored: Bool { method == 0 }
    var hasDescriptor: Bool { flags & 8 != 0 }

    mutating func check(name: String) throws(StatementError) {
        guard flags & 1 == 0 else {
            throw StatementError(.archive, "The zip is locked with a password. Upload the statement without one.")
        }
        let file = name.split(separator: "/").last.map { $0.lowercased() } ?? ""
        isWanted =
            !name.hasSuffix("/") && !name.hasPrefix("__MACOSX/") && file != ".ds_store" && file != "thumbs.db"
            && file != "desktop.ini"
        if name == "[Content_Types].xml" || ["xl/", "word/", "_rels/"].contains(where: name.hasPrefix)
            || name == "mimetype"
        {
            throw StatementError(
                .wrongKind, "This is a spreadsheet or a document. Save it as CSV and upload that.")
        }
        guard !file.hasSuffix(".zip") else {
            throw StatementError(.archive, "The zip holds another zip. Upload the statement itself.")
        }
        guard method == 8 || method == 0 && !hasDescriptor && size != 0xFFFF_FFFF else {
            throw StatementError(.archive, "The zip is packed in a way that is not known. Upload the statement itself.")
        }
    }

    mutating func count(_ piece: UnsafeRawBufferPointer) {
        bytes += piece.count
        made = crc32(made, piece.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(piece.count))
    }

    func isComplete(_ inflater: ZipInflater?) -> Bool { inflater?.isDone ?? (packedBytes >= size) }

    func verify() throws(StatementError) {
        guard UInt32(truncatingIfNeeded: made) == sum else { throw ZipInflater.damaged }
    }

    func verify(descriptor: ArraySlice<UInt8>) throws(StatementError) {
        let told = UInt32(number(descriptor.prefix(4)))
        guard told == UInt32(truncatingIfNeeded: made) else { throw ZipInflater.damaged }
    }

    func isOf(size: ArraySlice<UInt8>) -> Bool { number(size) == bytes }

    private func number(_ bytes: ArraySlice<UInt8>) -> Int {
        bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
    }
}
