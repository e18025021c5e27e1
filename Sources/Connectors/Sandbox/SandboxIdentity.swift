import Domain

/// The person or company behind a login, as complete as was asked for.
enum SandboxIdentity {
    /// Members in the order in which they are filled: with 100 percent all of them, with 1 percent the name only.
    /// A company has no BVN, no NIN and nothing that only people have.
    static func members(of persona: SandboxPersona) -> [(name: String, value: JSONValue)] {
        var random = SandboxRandom(SandboxRandom.mix(persona.seed, -20))
        let all = persona.kind == .corp ? company(persona, &random) : person(persona, &random)
        guard persona.identityPercent > 0 else { return [] }
        let count = max(1, (all.count * persona.identityPercent + 50) / 100)
        return Array(all.prefix(count))
    }

    private static func person(
        _ persona: SandboxPersona, _ random: inout SandboxRandom
    ) -> [(name: String, value: JSONValue)] {
        let words = persona.name.split(separator: " ").map(String.init)
        let first = words.first ?? persona.name
        let last = words.count > 1 ? words[words.count - 1] : random.pick(SandboxPools.lastNames)
        let middle = words.count > 2 ? words[1] : random.pick(SandboxPools.firstNames)
        let state = random.pick(SandboxPools.states)
        let town = random.pick(SandboxPools.towns).capitalizedWords
        let kin = "\(random.pick(SandboxPools.firstNames)) \(last)"
        return [
            ("full_name", .string("\(first) \(middle) \(last)".uppercased())),
            ("first_name", .string(first)), ("last_name", .string(last)),
            ("phones", .array([.string(phone(&random))])), ("emails", .array([.string(email(first, last))])),
            ("dob", .string(birthday(&random))), ("gender", .string(random.isOneIn(2) ? "Male" : "Female")),
            ("bvn", .string("22" + digits(9, &random))), ("middle_name", .string(middle)),
            ("addresses", .array([.string(address(town, &random))])),
            ("marital_status", .string(random.pick(["Single", "Married", "Divorced", "Widowed"]))),
            ("nationality", .string("Nigerian")), ("state_of_origin", .string("\(state) State")),
            ("lga_of_origin", .string("\(state) Central")), ("state_of_residence", .string("Lagos State")),
            ("lga_of_residence", .string("Ikeja")),
            ("level_of_account", .string("Level \(random.between(1, 3)) - KYC")),
            ("enrollment_bank", .string(persona.institution.name)), ("enrollment_branch", .string(town)),
            (
                "registration_date",
                .string("20\(random.between(14, 22))-0\(random.between(1, 9))-1\(random.between(0, 9))")
            ),
            ("nin", .string(String(random.between(3, 9)) + digits(10, &random))),
            ("next_of_kins", .array([.string(kin)])), ("aliases", .array([.string("\(last) \(first)")])),
            ("photo_urls", .array([.string("https://example.com/photos/\(persona.upstreamUserID).jpg")])),
        ]
    }

    private static func company(
        _ persona: SandboxPersona, _ random: inout SandboxRandom
    ) -> [(name: String, value: JSONValue)] {
        let town = random.pick(SandboxPools.towns).capitalizedWords
        return [
            ("full_name", .string(persona.name.uppercased())), ("phones", .array([.string(phone(&random))])),
            ("emails", .array([.string(email("accounts", persona.name))])),
            ("addresses", .array([.string(address(town, &random))])), ("nationality", .string("Nigerian")),
            ("state_of_residence", .string("\(random.pick(SandboxPools.states)) State")),
            (
                "registration_date",
                .string("20\(random.between(10, 21))-0\(random.between(1, 9))-2\(random.between(0, 8))")
            ),
            ("enrollment_bank", .string(persona.institution.name)), ("enrollment_branch", .string(town)),
        ]
    }

    private static func digits(_ count: Int, _ random: inout SandboxRandom) -> String {
        var text = ""
        for _ in 0..<count { text += String(random.below(10)) }
        return text
    }

    private static func phone(_ random: inout SandboxRandom) -> String {
        "+234" + random.pick(["803", "805", "806", "701", "812", "908"]) + digits(7, &random)
    }

    private static func birthday(_ random: inout SandboxRandom) -> String {
        LocalDate(dayNumber: Int(random.between(-1_800, 12_700))).iso
    }

    private static func address(_ town: String, _ random: inout SandboxRandom) -> String {
        "\(random.between(1, 180)) \(random.pick(SandboxPools.streets)), \(town)"
    }

    private static func email(_ first: String, _ last: String) -> String {
        let local = "\(first).\(last)".lowercased().filter { $0.isASCII && ($0.isLetter || $0 == ".") }
        return "\(local)@example.com"
    }
}

extension String {
    /// `PORT HARCOURT` becomes `Port Harcourt`.
    fileprivate var capitalizedWords: String {
        split(separator: " ").map { $0.prefix(1) + $0.dropFirst().lowercased() }.joined(separator: " ")
    }
}
