import Crypto
import Domain

/// Tokens name their grant and generation; only their hashes are kept.
struct SandboxToken {
    enum Kind: String { case access = "sba", refresh = "sbr" }

    let kind: Kind
    let grantID: ID<SandboxGrant>
    let generation: Int64
    let text: String

    static func make(_ kind: Kind, _ grant: SandboxGrant, _ runtime: any Runtime) -> SandboxToken {
        let secret = Hex.encode(runtime.randomBytes(20))
        let text = "\(kind.rawValue).\(grant.id.hex).\(grant.generation).\(secret)"
        return SandboxToken(kind: kind, grantID: grant.id, generation: grant.generation, text: text)
    }

    private init(kind: Kind, grantID: ID<SandboxGrant>, generation: Int64, text: String) {
        self.kind = kind
        self.grantID = grantID
        self.generation = generation
        self.text = text
    }

    init?(_ text: String, _ kind: Kind) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4, parts[0] == kind.rawValue, let id = ID<SandboxGrant>(parts[1]),
            let generation = Int64(parts[2])
        else { return nil }
        self.init(kind: kind, grantID: id, generation: generation, text: text)
    }

    var hash: String { Hex.encode(SHA256.hash(data: Array(text.utf8))) }
}

/// What is carried from one question of a login to the next, so that the bank keeps nothing of it.
struct SandboxChallenge {
    typealias Kind = SandboxScript.Challenge

    /// In the environment's time.
    static let lifeMs: Int64 = 10 * 60_000

    var kind: Kind
    var user: SandboxUser
    var expiresAt: Instant

    private var content: String {
        [kind.rawValue, String(user.environmentID), user.institution, String(expiresAt.ms), user.username]
            .joined(separator: "\n")
    }

    func signed(_ key: SymmetricKey) -> String {
        let bytes = Array(content.utf8)
        return Hex.encode(bytes) + "." + Hex.encode(HMAC<SHA256>.authenticationCode(for: bytes, using: key))
    }

    init(kind: Kind, user: SandboxUser, expiresAt: Instant) {
        self.kind = kind
        self.user = user
        self.expiresAt = expiresAt
    }

    init?(_ text: String, _ key: SymmetricKey) {
        let parts = text.split(separator: ".").map(String.init)
        guard parts.count == 2, let bytes = Hex.decode(parts[0]), let code = Hex.decode(parts[1]),
            HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: bytes, using: key)
        else { return nil }
        let fields = String(decoding: bytes, as: UTF8.self).split(
            separator: "\n", maxSplits: 4, omittingEmptySubsequences: false
        ).map(String.init)
        guard fields.count == 5, let kind = Kind(rawValue: fields[0]), let environmentID = Int64(fields[1]),
            let expiry = Int64(fields[3])
        else { return nil }
        self.init(
            kind: kind,
            user: SandboxUser(environmentID: environmentID, institution: fields[2], username: fields[4]),
            expiresAt: Instant(ms: expiry))
    }
}

/// How pushes are signed: the HMAC-SHA256 of the body, in hexadecimal.
enum SandboxSignature {
    static let header = "X-Sandbox-Signature"

    static func sign(_ body: [UInt8], secret: String) -> String {
        "sha256=" + Hex.encode(HMAC<SHA256>.authenticationCode(for: body, using: key(secret)))
    }

    static func isValid(_ signature: String, _ body: [UInt8], secret: String) -> Bool {
        guard signature.hasPrefix("sha256="), let code = Hex.decode(String(signature.dropFirst(7))) else {
            return false
        }
        return HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: body, using: key(secret))
    }

    private static func key(_ secret: String) -> SymmetricKey { SymmetricKey(data: Array(secret.utf8)) }
}
