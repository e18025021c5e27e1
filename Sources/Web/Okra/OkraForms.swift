import Domain
import Engine

/// How Okra's items speak of other rows.
struct OkraForms: RowForms {
    /// Okra's colours of banks are not known here; all get ours.
    static let colors = ##"{"primary":"#1F6F54","accent":"#1F6F54","bg":"#F3F8F6","button":"#E4572E"}"##

    func bank(_ institution: Institution, _ out: inout JSONWriter) {
        out.object { out in
            out.raw("colors", Self.colors)
            images(&out)
            out.member("name", institution.name)
            out.member("slug", institution.slug)
            out.member("status", "healthy")
        }
    }

    func bankDetail(_ institution: Institution, _ out: inout JSONWriter) {
        out.object { out in
            out.member("_id", institution.id)
            out.member("name", institution.name)
            out.member("slug", institution.slug)
            out.raw("colors", Self.colors)
            images(&out)
            out.null("inverted_logo")
            out.member("status", true)
            out.member("isMFA", false)
            out.member("mfaType", "none")
            out.member("corp", false)
        }
    }

    func bankNamed(_ institution: Institution, _ out: inout JSONWriter) {
        out.object { out in
            out.member("_id", institution.id)
            out.member("name", institution.name)
        }
    }

    private func images(_ out: inout JSONWriter) {
        out.null("icon")
        out.null("logo")
        out.null("v2_icon")
        out.null("v2_logo")
    }

    func customer(id: String, name: String?, _ out: inout JSONWriter) {
        out.object { out in
            out.member("_id", id)
            out.member("name", name)
        }
    }

    func account(_ account: AccountFacts, _ out: inout JSONWriter) {
        out.object { out in
            out.member("_id", account.id)
            out.member("name", account.name)
        }
    }

    func balanceAccount(_ account: AccountFacts, _ institution: Institution, _ out: inout JSONWriter) {
        out.object { out in
            out.member("_id", account.id)
            out.object("bank") { out in
                out.member("_id", institution.id)
                out.member("name", institution.name)
                out.member("slug", institution.slug)
                out.raw("colors", Self.colors)
                out.null("logo")
                out.null("icon")
            }
            out.member("nuban", account.number)
            out.member("name", account.name)
        }
    }

    func periodic(_ balances: [EarlierBalance], owner: String, _ out: inout JSONWriter) {
        func figures(_ name: StaticString, _ minor: (EarlierBalance) -> Int64?, _ out: inout JSONWriter) {
            out.array(name) { out in
                for balance in balances {
                    out.object { out in
                        out.member("_id", balance.id)
                        out.amount("amount", minor: minor(balance), scale: balance.currency.scale)
                        out.member("owner", owner)
                        out.member("last_updated", balance.at)
                    }
                }
            }
        }
        out.object { out in
            figures("available_balance", \.availableMinor, &out)
            figures("ledger_balance", \.ledgerMinor, &out)
        }
    }

    func status(_ connection: ConnectionFacts, _ out: inout JSONWriter) {
        out.object { out in
            out.object("transactions") { out in
                out.member("last_success_at", connection.lastSuccessAt)
                out.member("last_fail_at", connection.lastFailAt)
            }
            out.object("process") { out in
                out.member("running", connection.isRunning)
                out.member("completed", !connection.isRunning)
            }
        }
    }

    func freshness(_ freshness: ConnectionFreshness, _ out: inout JSONWriter) {
        out.object { out in
            out.member("record", freshness.connection)
            freshness.write(&out)
        }
    }

    func products(_ connection: ConnectionFacts, _ out: inout JSONWriter) {
        out.array { out in for name in connection.products.names { out.string(name) } }
    }

    func usedProducts(_ connection: ConnectionFacts, _ out: inout JSONWriter) {
        out.object { out in
            for product in Product.allCases {
                out.key(product.rawValue)
                out.object { out in
                    let isUsed = connection.products.contains(product)
                    out.member("status", isUsed)
                    out.member("number", isUsed ? 1 : 0)
                }
            }
        }
    }

    func credentials(_ logins: [(ConnectionFacts, AccountFacts, Institution)], _ out: inout JSONWriter) {
        out.array { out in
            for (connection, account, institution) in logins {
                out.object { out in
                    out.object("bank") { out in
                        out.member("_id", institution.id)
                        out.raw("colors", Self.colors)
                        images(&out)
                        out.member("name", institution.name)
                    }
                    out.member("nuban", account.number)
                    out.member("accountName", account.name)
                    out.member("account", account.id)
                    out.member("connected", connection.isLinked)
                }
            }
        }
    }

    /// Members of the item itself, so they are written without braces of their own.
    func identity(_ details: IdentityDetails, _ out: inout JSONWriter) {
        var inner = JSONWriter()
        inner.object { out in
            IdentityMembers.write(details, &out)
            out.member("verified", details.bvn != nil)
            out.object("enrollment") { out in
                out.member("bank", details.enrollmentBank)
                out.member("branch", details.enrollmentBranch)
                out.member("registration_date", details.registrationDate)
            }
        }
        out.members(inner.bytes.dropFirst().dropLast())
    }
}
