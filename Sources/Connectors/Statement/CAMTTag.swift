/// The elements of CAMT messages that say something for an account, by their names in the message.
enum CAMTTag: String, Sendable {
    case other = ""
    case groupHeader = "GrpHdr"
    case report = "Rpt"
    case statement = "Stmt"
    case notification = "Ntfctn"
    case id = "Id"
    case legalNumber = "LglSeqNb"
    case electronicNumber = "ElctrncSeqNb"
    case createdAt = "CreDtTm"
    case period = "FrToDt"
    case from = "FrDtTm"
    case to = "ToDtTm"
    case account = "Acct"
    case iban = "IBAN"
    case otherID = "Othr"
    case currency = "Ccy"
    case name = "Nm"
    case type = "Tp"
    case code = "Cd"
    case proprietary = "Prtry"
    case codeOrProprietary = "CdOrPrtry"
    case owner = "Ownr"
    case party = "Pty"
    case servicer = "Svcr"
    case institution = "FinInstnId"
    case bic = "BIC"
    case bicfi = "BICFI"
    case member = "MmbId"
    case balance = "Bal"
    case amount = "Amt"
    case direction = "CdtDbtInd"
    case day = "Dt"
    case moment = "DtTm"
    case entry = "Ntry"
    case entryReference = "NtryRef"
    case reversal = "RvslInd"
    case status = "Sts"
    case bookedOn = "BookgDt"
    case valueOn = "ValDt"
    case servicerReference = "AcctSvcrRef"
    case bankCode = "BkTxCd"
    case domain = "Domn"
    case family = "Fmly"
    case subFamily = "SubFmlyCd"
    case entryText = "AddtlNtryInf"
    case details = "TxDtls"
    case references = "Refs"
    case endToEndID = "EndToEndId"
    case parties = "RltdPties"
    case debtor = "Dbtr"
    case creditor = "Cdtr"
    case lastDebtor = "UltmtDbtr"
    case lastCreditor = "UltmtCdtr"
    case remittance = "RmtInf"
    case unstructured = "Ustrd"
    case structured = "Strd"
    case creditorReference = "CdtrRefInf"
    case reference = "Ref"
    case detailText = "AddtlTxInf"
}

/// What a message is, by its own element, which older versions end with `V01` or the like.
enum CAMTKind {
    static func format(_ name: String) -> StatementFormat? {
        switch base(name) {
        case "BkToCstmrAcctRpt": .camt052
        case "BkToCstmrStmt": .camt053
        case "BkToCstmrDbtCdtNtfctn": .camt054
        default: nil
        }
    }

    private static func base(_ name: String) -> Substring {
        let tail = name.suffix(3)
        return tail.first == "V" && tail.dropFirst().allSatisfy(\.isNumber) ? name.dropLast(3) : name[...]
    }
}
