import CPostgres

extension DatabaseLocation {
    /// The PostgreSQL servers that the URL names, with what the environment (`PGHOST`, `PGPORT`) adds; a host is empty
    /// for a socket of this machine. None for a file.
    public var servers: [(host: String, port: Int)] {
        guard case .postgres(let url) = self else { return [] }
        let named = Self.options { PQconninfoParse(url, nil) }
        let usual = Self.options { PQconndefaults() }
        func list(_ name: String) -> [String] {
            let text = named[name] ?? usual[name] ?? ""
            return text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"))
        return (0..<max(hosts.count, addresses.count)).map { place in
            let address = addresses.indices.contains(place) ? addresses[place] : ""
            let host = address.isEmpty && hosts.indices.contains(place) ? hosts[place] : address
            let isSocket = host.hasPrefix("/") || host.hasPrefix("@")
            // One port is that of all hosts.
            let port = ports.indices.contains(place) ? ports[place] : ports.first ?? ""
            return (isSocket ? "" : host, Int(port) ?? 5432)
        }
    }

    private static func options(
        _ read: () -> UnsafeMutablePointer<PQconninfoOption>?
    ) -> [String: String] {
        guard let first = read() else { return [:] }
        defer { PQconninfoFree(first) }
        var found: [String: String] = [:]
        var next = first
        while let keyword = next.pointee.keyword {
            if let value = next.pointee.val { found[String(cString: keyword)] = String(cString: value) }
            next += 1
        }
        return found
    }
}
