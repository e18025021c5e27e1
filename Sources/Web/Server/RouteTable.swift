import Domain
import HTTPTypes

/// Finds a path's route. Okra's paths are constant and found by one look-up; those with an id in them are few.
struct RouteTable: Sendable {
    enum Found {
        case route(Route, [String: String])
        /// The path exists under these methods only.
        case methods([HTTPRequest.Method])
        case nothing
    }

    private var constant: [String: [HTTPRequest.Method: Route]] = [:]
    private var patterns: [(segments: [Substring], routes: [HTTPRequest.Method: Route])] = []

    init(_ routes: [Route]) {
        for route in routes {
            guard route.path.contains("{") else {
                constant[route.path, default: [:]][route.method] = route
                continue
            }
            let segments = route.path.split(separator: "/")
            if let index = patterns.firstIndex(where: { $0.segments == segments }) {
                patterns[index].routes[route.method] = route
            } else {
                patterns.append((segments, [route.method: route]))
            }
        }
    }

    func find(_ method: HTTPRequest.Method, _ path: String) -> Found {
        if let routes = constant[path] { return answer(routes, method, [:]) }
        let segments = path.split(separator: "/")
        for pattern in patterns where pattern.segments.count == segments.count {
            // A path of one segment is a short link or nothing.
            if segments.count == 1, !WidgetLinkSlug.isOne(String(segments[0])) { continue }
            if let parameters = match(pattern.segments, segments) { return answer(pattern.routes, method, parameters) }
        }
        return .nothing
    }

    private func answer(
        _ routes: [HTTPRequest.Method: Route], _ method: HTTPRequest.Method, _ parameters: [String: String]
    ) -> Found {
        if let route = routes[method] { return .route(route, parameters) }
        return .methods(routes.keys.sorted { $0.rawValue < $1.rawValue })
    }

    private func match(_ pattern: [Substring], _ segments: [Substring]) -> [String: String]? {
        var parameters: [String: String] = [:]
        for (expected, segment) in zip(pattern, segments) {
            if expected.hasPrefix("{") {
                parameters[String(expected.dropFirst().dropLast())] = PercentCoding.decode(segment) ?? String(segment)
            } else if expected != segment {
                return nil
            }
        }
        return parameters
    }
}

/// Percent-encoded text, as in paths, queries and forms.
enum PercentCoding {
    /// nil when the bytes are no UTF-8 text.
    static func decode(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String? {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "%") || (plusIsSpace && $0 == UInt8(ascii: "+")) }) else {
            return String(text)
        }
        let source = Array(text.utf8)
        var bytes: [UInt8] = []
        var index = 0
        while index < source.count {
            let byte = source[index]
            if byte == UInt8(ascii: "%"), index + 2 < source.count,
                let value = hex(source[index + 1], source[index + 2])
            {
                bytes.append(value)
                index += 3
                continue
            }
            bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? 0x20 : byte)
            index += 1
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hex(_ high: UInt8, _ low: UInt8) -> UInt8? {
        Hex.decode(String(decoding: [high, low], as: UTF8.self))?.first
    }

    /// `a=b&c=d`, also with `&` at the end; the last of equal names counts.
    static func form(_ text: some StringProtocol) -> [String: String]? {
        var values: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = decode(parts[0], plusIsSpace: true) else { return nil }
            guard parts.count > 1 else {
                values[name] = ""
                continue
            }
            guard let value = decode(parts[1], plusIsSpace: true) else { return nil }
            values[name] = value
        }
        return values
    }
}
