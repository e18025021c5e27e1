import Domain
import NIOSSL
import Synchronization

/// TLS for webhooks, 1.2 or later with certificates always verified: one context for each set of authorities, because
/// reading them costs milliseconds.
final class TLSContexts: Sendable {
    /// Whose certificates a connection was verified by. Connections of different ones never stand for each other.
    struct Trust: Hashable, Sendable {
        /// The system's authorities, or no TLS at all.
        static let standard = Trust(number: 0)
        fileprivate let number: Int
    }

    private struct Own {
        let trust: Trust
        var context: NIOSSLContext?
    }

    private struct Sets {
        var byText: [String: Own] = [:]
        var last = 0
    }

    /// When there are more, all are made anew; numbers are never given twice.
    private static let setsMax = 1024
    private let extraAuthoritiesFile: String?
    private let standard = Mutex<NIOSSLContext?>(nil)
    private let sets = Mutex(Sets())

    /// - Parameter extraAuthoritiesFile: PEM, trusted beside the system's.
    init(extraAuthoritiesFile: String?) { self.extraAuthoritiesFile = extraAuthoritiesFile }

    /// - Parameter authorities: PEM; nil for the system's.
    func trust(_ authorities: String?) -> Trust {
        guard let authorities else { return .standard }
        return sets.withLock { own(authorities, &$0).trust }
    }

    /// - Parameter authorities: PEM, trusted instead of the system's; nil for the system's.
    /// - Throws: `.tlsAuthorities` if they cannot be read; the next attempt reads them again.
    func context(_ authorities: String?) throws(HTTPTransportError) -> NIOSSLContext {
        guard let authorities else { return try standardContext() }
        return try sets.withLock { sets throws(HTTPTransportError) -> NIOSSLContext in
            if let made = own(authorities, &sets).context { return made }
            let made = try make { configuration in
                let roots = try NIOSSLCertificate.fromPEMBytes(Array(authorities.utf8))
                configuration.trustRoots = .certificates(roots)
            }
            sets.byText[authorities]?.context = made
            return made
        }
    }

    private func standardContext() throws(HTTPTransportError) -> NIOSSLContext {
        try standard.withLock { held throws(HTTPTransportError) -> NIOSSLContext in
            if let held { return held }
            let made = try make { configuration in
                if let file = extraAuthoritiesFile { configuration.additionalTrustRoots = [.file(file)] }
            }
            held = made
            return made
        }
    }

    private func own(_ authorities: String, _ sets: inout Sets) -> Own {
        if let known = sets.byText[authorities] { return known }
        if sets.byText.count >= Self.setsMax { sets.byText = [:] }
        sets.last += 1
        let own = Own(trust: Trust(number: sets.last), context: nil)
        sets.byText[authorities] = own
        return own
    }

    private func make(
        _ trust: (inout TLSConfiguration) throws -> Void
    ) throws(HTTPTransportError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        do {
            try trust(&configuration)
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw .tlsAuthorities
        }
    }
}
