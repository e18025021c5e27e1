import Domain

/// A row's words, as Nigerian banks write them.
struct SandboxText: Sendable, Equatable {
    var narration: String
    var counterparty: String?
    var reference: String?
    var channel: String
    var branch: String?
    var code: String

    init(_ narration: String, channel: String, code: String, counterparty: String? = nil) {
        self.narration = narration
        self.channel = channel
        self.code = code
        self.counterparty = counterparty
    }
}

/// Writes a row's words from its seed.
struct SandboxNarrator {
    let nipCode: String
    let holder: String

    func text(_ row: SandboxRow) -> SandboxText {
        var random = SandboxRandom(row.textSeed)
        // Drawn first and always, so that a fee and a reversal name what their transfer named.
        let person = "\(random.pick(SandboxPools.lastNames)) \(random.pick(SandboxPools.firstNames))".uppercased()
        let company = random.pick(SandboxPools.companies)
        let town = random.pick(SandboxPools.towns)
        let digits = pad(random.next() % 1_000_000_000_000, 12)
        var text = words(row, person, company, town, digits, &random)
        if text.reference == nil { text.reference = reference(row, digits) }
        if row.kind == .atm || row.kind == .pos { text.branch = town }
        return text
    }

    /// NIP's session id is institution, time and twelve digits: thirty in all.
    private func reference(_ row: SandboxRow, _ digits: String) -> String {
        let day = row.day.iso.filter { $0 != "-" }.dropFirst(2)
        let time = [row.second / 3600, row.second / 60 % 60, row.second % 60].map { pad($0, 2) }.joined()
        return nipCode + day + time + digits
    }

    private func words(
        _ row: SandboxRow, _ person: String, _ company: String, _ town: String, _ digits: String,
        _ random: inout SandboxRandom
    ) -> SandboxText {
        switch row.kind {
        case .salary, .sale, .ownTransferIn, .transferIn, .interest, .reversal:
            credit(row, person, company, digits, &random)
        case .nipFee, .ussdFee, .levy, .smsFee, .cardFee, .tax:
            charge(row, person, digits)
        case .transferOut, .walletOut, .ussdOut, .vendor, .wages:
            transfer(row, person, company, digits, &random)
        default:
            purchase(row, town, digits, &random)
        }
    }

    private func credit(
        _ row: SandboxRow, _ person: String, _ company: String, _ digits: String, _ random: inout SandboxRandom
    ) -> SandboxText {
        let month = Self.month(row.day)
        switch row.kind {
        case .salary:
            return SandboxText("SALARY \(month)/\(holder)", channel: "bank", code: "SAL", counterparty: "PAYROLL")
        case .sale:
            return SandboxText(
                "NIP/\(random.pick(SandboxPools.banks))/\(company)/INV \(digits.prefix(5))", channel: "nip",
                code: "NIP", counterparty: company)
        case .ownTransferIn:
            return SandboxText(
                "TRF FRM OWN ACCT/\(holder)/SAVINGS", channel: "mobile", code: "TRF", counterparty: holder)
        case .interest:
            return SandboxText("CREDIT INTEREST CAPITALISED \(month)", channel: "bank", code: "INT")
        case .reversal:
            return SandboxText("RVSL/NIP/\(person)/FAILED TRF", channel: "nip", code: "RVS", counterparty: person)
        default:
            let purpose = random.pick(SandboxPools.purposes)
            return SandboxText(
                "NIP/\(random.pick(SandboxPools.banks))/\(person)/\(purpose)", channel: "nip", code: "NIP",
                counterparty: person)
        }
    }

    private func charge(_ row: SandboxRow, _ person: String, _ digits: String) -> SandboxText {
        switch row.kind {
        case .nipFee: SandboxText("NIP TRANSFER COMMISSION + VAT/\(person)", channel: "bank", code: "COM")
        case .ussdFee: SandboxText("USSD SESSION CHARGE \(digits.suffix(4))", channel: "bank", code: "COM")
        case .levy: SandboxText("ELECTRONIC MONEY TRANSFER LEVY", channel: "bank", code: "EMTL")
        case .smsFee:
            SandboxText("SMS ALERT CHARGES \(Self.month(row.day.adding(days: -1)))", channel: "bank", code: "SMS")
        case .cardFee: SandboxText("DEBIT CARD MAINTENANCE FEE + VAT", channel: "bank", code: "COM")
        default: SandboxText("WITHHOLDING TAX ON INTEREST", channel: "bank", code: "WHT")
        }
    }

    private func transfer(
        _ row: SandboxRow, _ person: String, _ company: String, _ digits: String, _ random: inout SandboxRandom
    ) -> SandboxText {
        let purpose = random.pick(SandboxPools.purposes)
        switch row.kind {
        case .walletOut:
            let wallet = random.pick(SandboxPools.wallets)
            return SandboxText(
                "MOB TRF TO \(wallet)/\(person)/\(purpose)", channel: "mobile", code: "TRF", counterparty: person)
        case .ussdOut:
            return SandboxText(
                "USSD TRF \(random.pick(SandboxPools.ussd))/\(person)/REF \(digits.prefix(8))", channel: "ussd",
                code: "TRF", counterparty: person)
        case .vendor:
            return SandboxText(
                "NIP TRF TO \(company)/PO \(digits.prefix(6))", channel: "nip", code: "NIP", counterparty: company)
        case .wages:
            return SandboxText(
                "STAFF PAYMENT \(Self.month(row.day))/\(person)", channel: "bank", code: "SAL", counterparty: person)
        default:
            let bank = random.pick(SandboxPools.banks)
            return SandboxText(
                "NIP TRF TO \(bank)/\(person)/\(purpose) frm \(holder)", channel: "nip", code: "NIP",
                counterparty: person)
        }
    }

    private func purchase(
        _ row: SandboxRow, _ town: String, _ digits: String, _ random: inout SandboxRandom
    ) -> SandboxText {
        switch row.kind {
        case .pos:
            let shop = random.pick(SandboxPools.shops)
            return SandboxText(
                "POS PUR @ \(shop) NG \(digits.prefix(8))", channel: "pos", code: "POS", counterparty: shop)
        case .web:
            let site = random.pick(SandboxPools.sites)
            return SandboxText("WEB PUR @ \(site) \(digits.prefix(8))", channel: "web", code: "WEB", counterparty: site)
        case .atm:
            return SandboxText("ATM WDL @ \(town) BRANCH ATM \(digits.prefix(4))", channel: "atm", code: "ATM")
        case .cable:
            return SandboxText(
                "BILLS/DSTV SUBSCRIPTION/\(digits.prefix(10))", channel: "mobile", code: "BIL", counterparty: "DSTV")
        case .power:
            let disco = random.pick(SandboxPools.discos)
            return SandboxText(
                "BILLS/\(disco) PREPAID/METER \(digits.prefix(11))", channel: "mobile", code: "BIL", counterparty: disco
            )
        default:
            let network = random.pick(SandboxPools.networks)
            let what = row.kind == .data ? "DATA" : "AIRTIME"
            return SandboxText(
                "\(what)/\(network)/0803***\(digits.prefix(4))", channel: "ussd", code: "VTU", counterparty: network)
        }
    }

    private static func month(_ day: LocalDate) -> String {
        let names = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
        return "\(names[day.civil.month - 1]) \(day.civil.year)"
    }

    private func pad(_ value: some BinaryInteger, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
}
