import Crypto
import Domain
import FoundationEssentials

/// AES-GCM as the vault uses it: version, key id, nonce, ciphertext, tag.
enum SealedBox {
    static let version: UInt8 = 1
    static let nonceBytes = 12
    static let tagBytes = 16
    static let headerBytes = 1 + 8

    static func seal(
        _ plain: [UInt8], keyID: Int64, key: SymmetricKey, bound: [UInt8], random: (Int) -> [UInt8]
    ) throws -> [UInt8] {
        let nonce = try AES.GCM.Nonce(data: random(nonceBytes))
        let box = try AES.GCM.seal(plain, using: key, nonce: nonce, authenticating: bound)
        return [version] + bytes(keyID) + Array(nonce) + Array(box.ciphertext) + Array(box.tag)
    }

    /// The id of the key that opens it.
    static func keyID(_ sealed: [UInt8]) throws(VaultError) -> Int64 {
        guard sealed.count >= headerBytes + nonceBytes + tagBytes, sealed[0] == version else { throw .damaged }
        return sealed[1..<headerBytes].reduce(0) { $0 << 8 | Int64($1) }
    }

    static func open(_ sealed: [UInt8], key: SymmetricKey, bound: [UInt8]) throws(VaultError) -> [UInt8] {
        guard sealed.count >= headerBytes + nonceBytes + tagBytes else { throw .damaged }
        do {
            let box = try AES.GCM.SealedBox(combined: sealed[headerBytes...])
            return Array(try AES.GCM.open(box, using: key, authenticating: bound))
        } catch {
            throw .damaged
        }
    }

    /// What a sealed text is bound to, each part with its length, so that no two bindings read alike.
    static func bound(_ parts: [String], keyID: Int64) -> [UInt8] {
        parts.reduce(into: bytes(keyID)) { out, part in
            out += bytes(Int64(part.utf8.count))
            out += Array(part.utf8)
        }
    }

    static func bytes(_ number: Int64) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }
}
