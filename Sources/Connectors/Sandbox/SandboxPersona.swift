import Domain

/// A login at one institution, and all that follows from it.
struct SandboxPersona: Sendable {
    let user: SandboxUser
    let institution: Institution
    /// What it plays; customers play nothing.
    let script: SandboxScript?
    /// What durations of its rules count from: the login's first use, or this moment.
    let start: Instant
    let name: String
    let kind: SandboxCustomer.Kind
    let volume: SandboxCustomer.Volume
    let identityPercent: Int
    let password: String
    /// Real time that every answer takes.
    var delayMs: Int64
    var accounts: [SandboxAccount]
    let seed: UInt64

    /// - Parameters:
    ///   - script: what the login plays; it wins over a customer.
    ///   - customer: the created customer of that name at that institution.
    ///   - openedAt: when the login was first used, or now.
    /// - Returns: nil when there is no such user.
    init?(
        _ user: SandboxUser, _ institution: Institution, script: SandboxScript?, customer: SandboxCustomer?,
        openedAt: Instant, bankSeed: UInt64
    ) {
        let base = "\(bankSeed)/\(user.environmentID)/\(institution.slug)/\(user.username)"
        let createdAt: Instant
        self.script = script
        start = openedAt
        if let script {
            seed = SandboxRandom.seed(script.seed.map { "\($0)/\(institution.slug)/\(user.username)" } ?? base)
            var random = SandboxRandom(seed)
            name = script.holder ?? "\(random.pick(SandboxPools.firstNames)) \(random.pick(SandboxPools.lastNames))"
            kind = script.kind
            volume = script.volume
            identityPercent = script.identityPercent
            password = script.password
            delayMs = 0
            createdAt = openedAt
        } else if let customer {
            let draft = customer.draft
            seed = SandboxRandom.seed(
                "\(base)/\(draft.kind.rawValue)/\(draft.volume.rawValue)/\(customer.createdAt.ms)")
            name = draft.name
            kind = draft.kind
            volume = draft.volume
            identityPercent = draft.identity
            password = draft.password
            delayMs = Self.delayMs(speed: draft.internetSpeed)
            createdAt = customer.createdAt
        } else {
            return nil
        }
        self.user = user
        self.institution = institution
        let count = script?.accountCount ?? customer?.draft.accountCount ?? 1
        let epoch = SandboxLedger.epoch(createdOn: createdAt.day())
        let (seed, kind, volume) = (seed, kind, volume)
        accounts = (0..<count).map {
            SandboxAccount(
                position: $0, seed: SandboxRandom.mix(seed, $0), institution: institution, kind: kind, volume: volume,
                epoch: epoch)
        }
    }

    /// Okra's network speeds: 2 is slow, 5 adds nothing.
    static func delayMs(speed: Int) -> Int64 {
        switch speed {
        case ...2: 400
        case 3: 150
        case 4: 50
        default: 0
        }
    }

    /// The bank's own key of the login.
    var upstreamUserID: String { "usr_" + Hex.encode(SandboxRandom.mix(seed, -7).bytes) }
}

/// An account of a login.
struct SandboxAccount: Sendable {
    let position: Int
    var upstreamID: String
    let number: String
    var product: String
    let type: String
    let ledger: SandboxLedger
    let nipCode: String
    var isActive = true

    init(
        position: Int, seed: UInt64, institution: Institution, kind: SandboxCustomer.Kind,
        volume: SandboxCustomer.Volume, epoch: LocalDate
    ) {
        self.position = position
        let style: SandboxLedger.Style = kind == .corp ? .company : position == 0 ? .salaried : .savings
        upstreamID = "acc_" + Hex.encode(SandboxRandom.mix(seed, -3).bytes)
        number = Self.number(seed, institution)
        (type, product) =
            switch style {
            case .company: ("current", "Business Current")
            case .salaried: ("current", "Personal Current")
            case .savings: ("savings", position == 1 ? "Savings" : "Savings \(position)")
            }
        ledger = SandboxLedger(seed: seed, style: style, volume: volume, epoch: epoch)
        nipCode = institution.nipCode ?? "999999"
    }

    /// Valid by the rule of NUBAN; an institution without a code of its own uses its NIP code, or nines.
    private static func number(_ seed: UInt64, _ institution: Institution) -> String {
        var random = SandboxRandom(SandboxRandom.mix(seed, -4))
        let serial = String(random.between(100_000_000, 999_999_999))
        let code = institution.nubanCode ?? institution.nipCode ?? "999999"
        return AccountNumber.make(institutionCode: code, serial: serial) ?? serial + "0"
    }
}

extension UInt64 {
    /// Most significant first.
    var bytes: [UInt8] { stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: self >> UInt64($0)) } }
}
