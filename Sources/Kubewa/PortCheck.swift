import Glibc

/// Whether a port of this machine is free.
enum PortCheck {
    enum State { case free, inUse, noSuchAddress, forbidden }

    struct Refused: Error, CustomStringConvertible {
        let port: Int
        let option: String
        let host: String
        let state: State

        var description: String {
            switch state {
            case .noSuchAddress: "\(host) is no address of this machine. Choose another with --host."
            case .forbidden: "Port \(port) needs rights that this user does not have. Choose another with \(option)."
            default: "Port \(port) is in use. End the other program, or choose another port with \(option)."
            }
        }
    }

    static func require(_ port: Int, _ option: String, host: String = "127.0.0.1") throws {
        let state = state(port, host: host)
        guard state == .free else { throw Refused(port: port, option: option, host: host, state: state) }
    }

    /// - Parameter host: an address of either kind, or a name.
    static func state(_ port: Int, host: String = "127.0.0.1") -> State {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        // As the server looks it up, so that both come to the same address.
        hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG | AI_V4MAPPED
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0, let address = found?.pointee else {
            return .noSuchAddress
        }
        defer { freeaddrinfo(found) }
        let descriptor = socket(address.ai_family, address.ai_socktype, address.ai_protocol)
        guard descriptor >= 0 else { return errno == EAFNOSUPPORT ? .noSuchAddress : .forbidden }
        defer { close(descriptor) }
        var reuse: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
        guard bind(descriptor, address.ai_addr, address.ai_addrlen) != 0 else { return .free }
        return switch errno {
        case EADDRNOTAVAIL: .noSuchAddress
        case EACCES: .forbidden
        default: .inUse
        }
    }
}
