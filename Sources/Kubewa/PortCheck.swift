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

    /// A host that is no IPv4 address is tried by the server itself.
    static func state(_ port: Int, host: String = "127.0.0.1") -> State {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return .forbidden }
        defer { close(descriptor) }
        var reuse: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(clamping: port)).bigEndian
        guard inet_pton(AF_INET, host == "localhost" ? "127.0.0.1" : host, &address.sin_addr) == 1 else {
            return .free
        }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result != 0 else { return .free }
        return switch errno {
        case EADDRNOTAVAIL: .noSuchAddress
        case EACCES: .forbidden
        default: .inUse
        }
    }
}
