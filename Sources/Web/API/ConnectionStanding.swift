import Domain

/// How the native API shows where a connection stands.
extension NativeForms {
    func report(_ slot: RowSlot, _ report: ConnectionReport, _ out: inout JSONWriter) {
        switch slot {
        case .state: state(report, &out)
        case .lastExecution: execution(report.lastExecution, &out)
        case .productStatus: products(report, &out)
        case .lastSuccess: report.lastOKAt.map { out.string($0.iso) } ?? out.null()
        default: out.null()
        }
    }

    private func state(_ report: ConnectionReport, _ out: inout JSONWriter) {
        out.object { out in
            out.member("reason", report.state.code?.rawValue)
            out.member("since", report.state.since)
            out.member("next", report.next?.name)
            out.member("action", report.next?.action?.rawValue)
            out.member("next_attempt_at", report.nextAttemptAt)
            out.member("message", message(report))
        }
    }

    /// One sentence for a person who looks at it.
    private func message(_ report: ConnectionReport) -> String {
        switch report.state.status {
        case .active:
            guard let last = report.lastExecution else { return "The first run is not over yet." }
            guard let code = last.code else { return "All goes well." }
            return ConnectorError.Code(rawValue: code)?.message ?? "The last run was put off; it is made up for."
        case .needsUser: return report.state.code?.message ?? ConnectorError.Code.reauthRequired.message
        case .expired:
            return report.state.code?.message ?? ConnectorError.Code.consentExpired.message
        case .revoked: return "The connection was ended; link the account anew."
        case .dead: return "The connection cannot be brought back; link the account anew."
        }
    }

    private func execution(_ last: ConnectionReport.Execution?, _ out: inout JSONWriter) {
        guard let last else { return out.null() }
        out.object { out in
            out.member("at", last.at)
            out.member("outcome", last.outcome)
            out.member("code", last.code)
            out.member("class", last.errorClass?.name)
        }
    }

    private func products(_ report: ConnectionReport, _ out: inout JSONWriter) {
        out.object { out in
            for product in report.products {
                out.object(product.product == .balance ? "balance" : "transactions") { out in
                    out.member("outcome", product.last?.outcome)
                    out.member("code", product.last?.code)
                    out.member("last_success_at", product.lastOKAt)
                    out.member("last_attempt_at", product.last?.at)
                    out.member("next", product.next?.name)
                    out.member("action", product.next?.action?.rawValue)
                    out.member("next_attempt_at", product.nextAttemptAt)
                }
            }
        }
    }
}
