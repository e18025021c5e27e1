import CPostgres
import Domain

/// The type numbers of PostgreSQL that values are sent as, and their binary forms.
enum PostgresType {
    static let inferred: Oid = 0
    static let bool: Oid = 16
    static let bytea: Oid = 17
    static let int8: Oid = 20
    static let int2: Oid = 21
    static let int4: Oid = 23
    static let text: Oid = 25
    static let varchar: Oid = 1043
    static let numeric: Oid = 1700
    static let byteaArray: Oid = 1001
    static let textArray: Oid = 1009
    static let int8Array: Oid = 1016

    /// What a value is sent as; NULL has no type of its own.
    static func of(_ value: SQLValue) -> Oid {
        switch value {
        case .null: inferred
        case .integer: int8
        case .string: text
        case .bytes: bytea
        case .integers: int8Array
        case .strings: textArray
        case .byteArrays: byteaArray
        }
    }

    /// Whether a value can be sent where a prepared statement takes `type`.
    static func fits(_ value: SQLValue, _ type: Oid) -> Bool {
        switch value {
        case .null: true
        case .integer(let number):
            type == int8 || type == int4 && Int32(exactly: number) != nil
                || type == int2 && Int16(exactly: number) != nil || type == bool && (0...1).contains(number)
        case .string: type == text || type == varchar
        default: type == of(value)
        }
    }

    /// The whole part of a binary numeric: digits of base 10,000, the first with weight `weight`.
    /// Out of range is clamped, as money that overflows is refused before it is stored.
    static func wholeNumber(_ bytes: UnsafeRawBufferPointer) -> Int64 {
        guard bytes.count >= 8 else { return 0 }
        func short(_ index: Int) -> Int { Int(bytes[index * 2]) << 8 | Int(bytes[index * 2 + 1]) }
        let digits = short(0)
        let weight = Int(Int16(truncatingIfNeeded: short(1)))
        let isNegative = short(2) == 0x4000
        guard weight >= 0 else { return 0 }
        var value: Int64 = 0
        for place in 0...weight {
            let digit = place < digits ? Int64(short(4 + place)) : 0
            let (product, overflows) = value.multipliedReportingOverflow(by: 10_000)
            let (sum, overflowsToo) = product.subtractingReportingOverflow(digit)
            if overflows || overflowsToo { return isNegative ? .min : .max }
            value = sum
        }
        // Summed below zero, where there is room for the least number too.
        return isNegative ? value : value == .min ? .max : -value
    }
}

/// The values of one statement as libpq takes them: one run of bytes and where each value lies in it.
/// It is kept and used again, so that a statement costs no allocation.
struct PostgresParameters {
    private(set) var bytes: [UInt8] = []
    private(set) var starts: [Int] = []
    private(set) var lengths: [Int32] = []
    private(set) var formats: [Int32] = []
    private var pointers: [UnsafePointer<CChar>?] = []
    private static let null = -1

    mutating func fill(_ values: [SQLValue], as types: [Oid]) {
        bytes.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        if formats.count < values.count { formats = Array(repeating: 1, count: values.count) }
        for (value, type) in zip(values, types) {
            let start = bytes.count
            append(value, type)
            starts.append(value == .null ? Self.null : start)
            lengths.append(Int32(bytes.count - start))
        }
    }

    /// Shows the values as the three arrays of `PQexecPrepared`.
    mutating func withPointers<T>(
        _ body: ([UnsafePointer<CChar>?], [Int32], [Int32]) -> T
    ) -> T {
        // Without values there is still a start to point at.
        if bytes.isEmpty { bytes.append(0) }
        pointers.removeAll(keepingCapacity: true)
        return bytes.withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { chars in
                for start in starts {
                    pointers.append(start == Self.null ? nil : chars.baseAddress.map { $0 + start })
                }
                return body(pointers, lengths, formats)
            }
        }
    }

    private mutating func append(_ value: SQLValue, _ type: Oid) {
        switch value {
        case .null: break
        case .integer(let number): append(number, bytes: type == PostgresType.int8 ? 8 : Self.width(type))
        case .string(let text): bytes.append(contentsOf: text.utf8)
        case .bytes(let blob): bytes.append(contentsOf: blob)
        case .integers(let list):
            appendArray(list, PostgresType.int8) { out, number in out.append(number, bytes: 8) }
        case .strings(let list):
            appendArray(list, PostgresType.text) { out, text in out.bytes.append(contentsOf: text.utf8) }
        case .byteArrays(let list):
            appendArray(list, PostgresType.bytea) { out, blob in out.bytes.append(contentsOf: blob) }
        }
    }

    private static func width(_ type: Oid) -> Int {
        switch type {
        case PostgresType.int4: 4
        case PostgresType.int2: 2
        case PostgresType.bool: 1
        default: 8
        }
    }

    private mutating func append(_ number: Int64, bytes width: Int) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0.suffix(width)) }
    }

    private mutating func appendArray<Element>(
        _ list: [Element?], _ type: Oid, _ element: (inout Self, Element) -> Void
    ) {
        append(list.isEmpty ? 0 : 1, bytes: 4)
        append(list.contains { $0 == nil } ? 1 : 0, bytes: 4)
        append(Int64(type), bytes: 4)
        if list.isEmpty { return }
        append(Int64(list.count), bytes: 4)
        append(1, bytes: 4)
        for item in list {
            guard let item else {
                append(-1, bytes: 4)
                continue
            }
            let place = bytes.count
            append(0, bytes: 4)
            element(&self, item)
            let count = UInt32(bytes.count - place - 4)
            for shift in 0..<4 { bytes[place + shift] = UInt8(truncatingIfNeeded: count >> (24 - 8 * shift)) }
        }
    }
}
