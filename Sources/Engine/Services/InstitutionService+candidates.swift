import Connectors
import Domain

/// A bank that an account number may be of.
public struct InstitutionCandidate: Sendable, Equatable {
    /// Why it is among the candidates.
    public enum Basis: String, Sendable {
        /// The number's last digit fits the bank's code, or the code of a bank that it took over.
        case checkDigit = "check_digit"
        /// The number looks like a telephone number, which wallets use.
        case phoneNumber = "phone_number"
    }

    public let listed: ListedInstitution
    public let basis: Basis
}

extension InstitutionService {
    private static let wallets: Set<String> = ["mobile_money", "payment_service"]

    /// The banks that can be linked and that an account number may be of, the best known first. About one in ten fits
    /// any number: it shortens a list to pick from, and proves nothing.
    /// - Throws: `invalid` unless the number has ten digits.
    public func candidates(
        accountNumber number: String, of environment: Domain.Environment
    ) async throws -> [InstitutionCandidate] {
        guard number.utf8.count == 10, number.utf8.allSatisfy({ (48...57).contains($0) }) else {
            throw DomainError.invalid("account_number", "must be the ten digits of an account number.")
        }
        let directory = InstitutionCatalog.directory
        let fitting = Set(
            directory.fitting(accountNumber: number).flatMap { directory.line(of: $0).map(\.slug) })
        let isPhoneLike = ["70", "80", "81", "90", "91"].contains(String(number.prefix(2)))
        return await list(environment.kind, of: environment).compactMap { row in
            if fitting.contains(row.institution.slug) { return InstitutionCandidate(listed: row, basis: .checkDigit) }
            guard isPhoneLike, Self.wallets.contains(row.category) else { return nil }
            return InstitutionCandidate(listed: row, basis: .phoneNumber)
        }
    }
}
