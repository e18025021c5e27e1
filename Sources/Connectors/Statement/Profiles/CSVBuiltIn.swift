/// The profiles that come with Kubewa. A bank's own stand first; a general one is used where none of them fits.
enum CSVBuiltIn {
    static let texts: [String] = [
        bankstract, gtbank, access, zenith, uba, firstbank, kuda, opay, palmpay, moniepoint, stanbic, fidelity,
        sterling, debitCredit, signedAmount, amountDirection,
    ]

    static let bankstract = #"""
        {"slug": "bankstract", "name": "CSV written by bankstract",
         "columns": {"date": ["date"], "text": ["narration"], "debit": ["debit"], "credit": ["credit"],
                     "balance": ["balance"], "reference": ["reference"], "currency": ["currency"],
                     "channel": ["channel"]},
         "required": ["text", "debit", "credit", "balance", "reference", "currency"], "words": ["has_time"],
         "delimiter": ",", "dates": "day_first", "decimal": "."}
        """#

    static let gtbank = #"""
        {"slug": "gtbank", "name": "Guaranty Trust Bank statement", "institution": "guaranty-trust-bank",
         "columns": {"date": ["trans. date", "transaction date"], "value_date": ["value. date", "value date"],
                     "reference": ["reference"], "debit": ["debits"], "credit": ["credits"], "balance": ["balance"],
                     "branch": ["originating branch"], "text": ["remarks", "narration"]},
         "required": ["value_date", "debit", "credit", "balance", "branch", "text"],
         "dates": "day_first", "decimal": "."}
        """#

    static let access = #"""
        {"slug": "access-bank", "name": "Access Bank statement", "institution": "access-bank",
         "columns": {"date": ["posted date", "date"], "value_date": ["value date"],
                     "text": ["description", "narration"], "debit": ["debit (ngn)", "debit(ngn)"],
                     "credit": ["credit (ngn)"], "balance": ["balance (ngn)"], "reference": ["reference", "trans ref"]},
         "required": ["value_date", "text", "debit", "credit", "balance"],
         "dates": "day_first", "decimal": "."}
        """#

    static let zenith = #"""
        {"slug": "zenith-bank", "name": "Zenith Bank statement", "institution": "zenith-bank",
         "columns": {"date": ["trans date", "date posted", "transaction date"], "value_date": ["value date"],
                     "text": ["description", "remarks"], "debit": ["debit", "dr amount"],
                     "credit": ["credit", "cr amount"], "balance": ["balance"], "reference": ["trans id"]},
         "required": ["value_date", "text", "debit", "credit", "balance"], "words": ["zenith"],
         "dates": "day_first", "decimal": "."}
        """#

    static let uba = #"""
        {"slug": "uba", "name": "United Bank for Africa statement", "institution": "united-bank-for-africa",
         "columns": {"date": ["trans date", "transaction date", "tran date"], "value_date": ["value date"],
                     "text": ["narration", "description"], "reference": ["chq. no", "cheque no", "chq no", "ref"],
                     "debit": ["debit"], "credit": ["credit"], "balance": ["balance"]},
         "required": ["value_date", "text", "reference", "debit", "credit", "balance"],
         "words": ["united bank for africa"], "dates": "day_first", "decimal": "."}
        """#

    static let firstbank = #"""
        {"slug": "first-bank", "name": "First Bank of Nigeria statement", "institution": "first-bank-of-nigeria",
         "columns": {"date": ["trans date", "transdate"], "value_date": ["value date", "valuedate"],
                     "reference": ["ref. #", "reference", "ref"], "text": ["transaction details"],
                     "debit": ["withdrawal(dr)", "withdrawal"], "credit": ["deposit(cr)", "deposit"],
                     "balance": ["balance"]},
         "required": ["value_date", "text", "debit", "credit", "balance"],
         "dates": "day_first", "decimal": "."}
        """#

    static let kuda = #"""
        {"slug": "kuda", "name": "Kuda statement", "institution": "kuda-bank",
         "columns": {"date": ["date/time", "date"], "credit": ["money in"], "debit": ["money out"],
                     "channel": ["category"], "counterparty": ["to / from", "to/from"], "text": ["description"],
                     "balance": ["balance"]},
         "required": ["debit", "credit", "counterparty", "text"],
         "dates": "day_first", "decimal": "."}
        """#

    static let opay = #"""
        {"slug": "opay", "name": "OPay wallet statement", "institution": "opay",
         "columns": {"date": ["trans. time", "trans. date", "transaction time"], "value_date": ["value date"],
                     "text": ["description"], "debit": ["debit(₦)", "debit"], "credit": ["credit(₦)", "credit"],
                     "balance": ["balance after(₦)", "balance after"], "channel": ["channel"],
                     "reference": ["transaction reference"]},
         "required": ["text", "debit", "credit", "balance", "channel", "reference"],
         "skip": ["total debit", "total credit", "savings"], "dates": "day_first", "decimal": "."}
        """#

    static let palmpay = #"""
        {"slug": "palmpay", "name": "PalmPay statement", "institution": "palmpay",
         "columns": {"date": ["transaction date", "date"], "text": ["transaction detail", "transaction details"],
                     "credit": ["money in (ngn)", "money in"], "debit": ["money out (ngn)", "money out"],
                     "reference": ["transaction id", "transaction no"], "balance": ["balance"]},
         "required": ["text", "debit", "credit", "reference"],
         "decimal": "."}
        """#

    static let moniepoint = #"""
        {"slug": "moniepoint", "name": "Moniepoint statement", "institution": "moniepoint",
         "columns": {"date": ["date"], "text": ["narration"], "reference": ["reference"], "debit": ["debit"],
                     "credit": ["credit"], "balance": ["balance"]},
         "required": ["text", "reference", "debit", "credit", "balance"], "words": ["moniepoint"],
         "dates": "day_first", "decimal": "."}
        """#

    static let stanbic = #"""
        {"slug": "stanbic-ibtc", "name": "Stanbic IBTC statement", "institution": "stanbic-ibtc-bank",
         "columns": {"date": ["posting date", "transaction date"], "value_date": ["value date"],
                     "text": ["description", "remarks", "transaction details"], "debit": ["debit"],
                     "credit": ["credit"], "balance": ["balance"], "reference": ["reference"]},
         "required": ["value_date", "text", "debit", "credit", "balance"], "words": ["stanbic"],
         "skip": ["balance as at", "statement opening balance"], "dates": "day_first", "decimal": "."}
        """#

    static let fidelity = #"""
        {"slug": "fidelity-bank", "name": "Fidelity Bank statement", "institution": "fidelity-bank",
         "columns": {"date": ["transaction date", "trans date", "date"], "value_date": ["value date"],
                     "channel": ["channel"], "text": ["details", "description", "narration"],
                     "debit": ["pay out", "debit"], "credit": ["pay in", "credit"], "balance": ["balance"]},
         "required": ["value_date", "text", "debit", "credit", "balance"], "words": ["fidelity"],
         "dates": "day_first", "decimal": "."}
        """#

    static let sterling = #"""
        {"slug": "sterling-bank", "name": "Sterling Bank statement", "institution": "sterling-bank",
         "columns": {"date": ["transaction date", "trans date", "date"], "value_date": ["value date"],
                     "text": ["narration", "description"], "reference": ["reference"], "debit": ["money out", "debit"],
                     "credit": ["money in", "credit"], "balance": ["balance"]},
         "required": ["text", "debit", "credit", "balance"], "words": ["sterling"],
         "dates": "day_first", "decimal": "."}
        """#

    static let debitCredit = #"""
        {"slug": "debit-credit", "name": "Any CSV with a column of debits and one of credits", "general": true,
         "columns": {
           "date": ["transaction date", "trans date", "trans. date", "txn date", "tran date", "transdate", "date/time",
                    "posting date", "posted date", "post date", "date posted", "booking date", "trans. time",
                    "transaction time", "date", "value date"],
           "value_date": ["value date", "value. date", "valuedate", "val date", "effective date"],
           "time": ["time"],
           "text": ["narration", "description", "transaction details", "transaction description", "remarks", "details",
                    "particulars", "transaction detail", "memo", "narrative", "transaction narration"],
           "counterparty": ["to / from", "beneficiary", "counterparty", "payee", "sender", "recipient"],
           "reference": ["transaction reference", "reference", "reference no", "reference number", "ref", "ref no",
                         "ref. #", "trans ref", "transaction id", "trans id", "txn id", "cheque no", "chq no",
                         "instrument no", "serial no"],
           "debit": ["debit", "debits", "debit amount", "dr", "dr amount", "withdrawal", "withdrawals",
                     "withdrawal(dr)", "withdrawal (dr)", "money out", "paid out", "pay out", "amount debited",
                     "debit (ngn)", "money out (ngn)", "debit(n)", "payments", "settlement debit (ngn)"],
           "credit": ["credit", "credits", "credit amount", "cr", "cr amount", "deposit", "deposits", "deposit(cr)",
                      "money in", "paid in", "pay in", "amount credited", "credit (ngn)", "money in (ngn)",
                      "credit(n)", "lodgement", "lodgements", "receipts", "settlement credit (ngn)"],
           "balance": ["balance", "running balance", "balance after", "closing balance", "ledger balance",
                       "available balance", "account balance", "balance (ngn)", "book balance",
                       "balance after (ngn)"],
           "currency": ["currency", "ccy"], "account": ["account number", "account no", "account"],
           "channel": ["channel", "category", "transaction type", "type"], "branch": ["branch", "originating branch"]},
         "required": ["debit", "credit"]}
        """#

    static let amountDirection = #"""
        {"slug": "amount-dr-cr", "name": "Any CSV with amounts and a column that says debit or credit", "general": true,
         "columns": {
           "date": ["transaction date", "trans date", "txn date", "posting date", "posted date", "booking date",
                    "date/time", "date", "created at", "value date"],
           "value_date": ["value date", "val date"], "time": ["time"],
           "text": ["narration", "description", "transaction details", "remarks", "details", "particulars", "memo"],
           "counterparty": ["to / from", "beneficiary", "counterparty", "payee", "sender", "recipient"],
           "reference": ["transaction reference", "reference", "reference no", "ref", "transaction id", "trans id"],
           "amount": ["amount", "transaction amount", "amount (ngn)", "value"],
           "direction": ["dr/cr", "cr/dr", "debit/credit", "credit/debit", "type", "transaction type", "drcr", "crdr",
                         "indicator", "direction", "dc", "d/c"],
           "balance": ["balance", "running balance", "balance after", "closing balance", "ledger balance",
                       "balance (ngn)"],
           "currency": ["currency", "ccy"], "account": ["account number", "account no"],
           "channel": ["channel", "category"]},
         "required": ["amount", "direction"]}
        """#

    static let signedAmount = #"""
        {"slug": "signed-amount", "name": "Any CSV with one column of amounts: a sign, brackets, or DR and CR",
         "general": true,
         "columns": {
           "date": ["transaction date", "trans date", "txn date", "posting date", "posted date", "booking date",
                    "started date", "completed date", "date/time", "date", "created at", "value date", "buchungstag"],
           "value_date": ["value date", "val date", "valuta", "valutadatum"], "time": ["time"],
           "text": ["narration", "description", "transaction details", "remarks", "details", "particulars", "memo",
                    "verwendungszweck", "label"],
           "counterparty": ["to / from", "beneficiary", "counterparty", "payee", "sender", "recipient", "name"],
           "reference": ["transaction reference", "reference", "reference no", "ref", "transaction id", "trans id"],
           "amount": ["amount", "transaction amount", "amount (ngn)", "betrag", "montant", "value"],
           "balance": ["balance", "running balance", "balance after", "closing balance", "ledger balance",
                       "balance (ngn)", "saldo"],
           "currency": ["currency", "ccy", "wahrung", "waehrung", "whrung"],
           "account": ["account number", "account no"],
           "channel": ["channel", "category", "type", "transaction type"]},
         "required": ["amount"]}
        """#
}
