import Domain
import Engine

/// How the link page is answered.
enum WidgetForm {
    static func write(_ view: WidgetView, _ out: inout JSONWriter) {
        let options = view.options
        out.member("env", view.environment.kind.rawValue)
        out.member("business", view.environment.businessName)
        out.member("name", view.name)
        out.array("products") { out in for name in view.products { out.string(name) } }
        out.object("consent") { out in
            out.member("text", view.consent.text)
            out.array("points") { out in for point in view.consent.points { out.string(point) } }
        }
        out.member("target_origin", view.targetOrigin)
        out.member("redirect_url", view.hasRedirect)
        out.object("branding") { write(options, &$0) }
        out.object("filter") { out in
            if let banks = options.banks {
                out.array("banks") { out in for slug in banks { out.string(slug) } }
            } else {
                out.null("banks")
            }
            out.member("login_type", options.loginType)
        }
        out.member("selection", options.selectsOne ? "single" : "multiple")
        out.member("institution", view.institution)
        out.member("reauth", view.isReauth)
        out.null("session")
        out.array("ignored") { out in for name in options.ignored { out.string(name) } }
        out.member("expires_at", view.expiresAt)
    }

    private static func write(_ options: WidgetOptions, _ out: inout JSONWriter) {
        let branding = options.branding
        out.member("color", branding.color)
        out.member("logo", branding.logo)
        out.member("mode", branding.mode)
        out.member("connect_message", branding.connectMessage)
        out.member("success_title", branding.successTitle)
        out.member("success_message", branding.successMessage)
        out.member("widget_success", branding.widgetSuccess)
        out.member("widget_failed", branding.widgetFailed)
        out.member("continue_cta", branding.continueText)
        out.member("success_url", options.successURL)
    }

    static func write(_ row: ListedInstitution, _ out: inout JSONWriter) {
        out.object { out in
            out.member("slug", row.institution.slug)
            out.member("id", row.institution.id)
            out.member("name", row.institution.name)
            out.member("category", row.category)
            out.member("health", row.healthName)
            out.member("note", note(row))
            out.array("login_types") { out in
                out.string("ind")
                out.string("corp")
            }
        }
    }

    /// What the list says beside a bank's name.
    private static func note(_ row: ListedInstitution) -> String? {
        switch row.health {
        case .degraded: "Slow now"
        case .down: "Not answering"
        default: row.access == .statement ? "Statement upload" : nil
        }
    }

    static func write(_ result: WidgetResult, _ out: inout JSONWriter) {
        switch result {
        case .linked(let success, let redirect):
            out.object("success") { write(success, &$0) }
            out.member("redirect", redirect)
        case .failed(let code, let message, let redirect):
            out.object("error") { out in
                out.member("code", code)
                out.member("message", message)
            }
            out.member("redirect", redirect)
        }
    }

    /// Okra's onSuccess payload: one member a product, and the ids that integrations read.
    private static func write(_ success: WidgetSuccess, _ out: inout JSONWriter) {
        let bank = success.institution
        out.object("auth") { out in
            out.object("bank_details") { out in
                out.member("_id", bank.id)
                out.member("name", bank.name)
                out.member("slug", bank.slug)
                for name: StaticString in ["logo", "icon", "png_logo", "v2_logo", "v2_icon"] { out.null(name) }
            }
            out.member("bank_id", bank.id)
            out.member("clientId", success.sessionID)
            out.member("customer_id", success.customerID)
            out.member("status", true)
            out.member("type", success.isRepair ? "reauth" : "validate")
            out.member("login_type", "bank")
        }
        out.null("income")
        if success.products.contains(.identity), let name = success.customerName {
            out.object("identity") { $0.member("fullname", name) }
        } else {
            out.null("identity")
        }
        out.array("accounts") { out in for account in success.accounts { write(account, &out) } }
        out.null("balance")
        out.null("transactions")
        out.member("record_id", success.connectionID)
        out.member("record", success.connectionID)
        out.member("customer_id", success.customerID)
        out.member("customer", success.customerID)
        out.member("bank_id", bank.id)
        out.member("bank_name", bank.name)
        out.member("bank_slug", bank.slug)
        out.member("env", success.environment.kind.okraName)
        out.member("options", success.options)
        out.member("meta", success.meta)
    }

    private static func write(_ account: WidgetSuccess.Account, _ out: inout JSONWriter) {
        out.object { out in
            out.member("id", account.id)
            out.member("name", account.name)
            out.member("nuban", account.number)
            out.member("type", account.type)
            out.member("currency", account.currency)
        }
    }

    /// What a person who came back is shown; the session's id is not for this page.
    static func write(_ found: LinkReturn, _ out: inout JSONWriter) {
        out.member("status", found.view.statusName)
        out.member("answer", found.view.outcomeName)
        out.member("business", found.business)
        out.member("bank", found.bank)
        if case .failed(let error) = found.view.step {
            out.member("message", error.message)
        } else {
            out.member("message", String?.none)
        }
    }
}
