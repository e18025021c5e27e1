/// Zips whose files are not packed, made for tests.
enum StoredZip {
    static func bytes(_ files: [(name: String, text: String)]) -> [UInt8] {
        var zip: [UInt8] = []
        for file in files {
            let (name, data) = (Array(file.name.utf8), Array(file.text.utf8))
            zip += [0x50, 0x4B, 3, 4, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0] + little(sum(data)) + little(UInt32(data.count))
            zip += little(UInt32(data.count)) + little(UInt32(name.count)).prefix(2) + [0, 0] + name + data
        }
        // Of the directory only its beginning is looked at.
        return zip + [0x50, 0x4B, 1, 2]
    }

    private static func little(_ number: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    private static func sum(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~UInt32(0)) { sum, byte in
            (0..<8).reduce(sum ^ UInt32(byte)) { sum, _ in sum >> 1 ^ (sum & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
    }
}
