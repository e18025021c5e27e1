/// What is kept of a receiver's reply. Some answer with the request that they got, and what is sealed or not shown of
/// that is not to lie in plain in the log.
public enum ReplyMask {
    static let hidden = "[hidden: the reply repeats what was sent]"
    /// A shorter reply is no echo of a body.
    private static let echoBytesMin = 64
    private static let wordsBytesMin = 5
    private static let digits = 10...16

    /// - Parameters:
    ///   - secrets: what was sent beside the body and is not shown, such as tokens.
    ///   - complete: the body, a JSON object, where it holds more than is kept in plain; nil for a thin one.
    public static func kept(
        _ reply: [UInt8], secrets: @autoclosure () -> [String], complete: @autoclosure () -> [UInt8]?
    ) -> [UInt8] {
        guard reply.count >= SecretMask.secretBytesMin else { return reply }
        let masked = PayloadMask.mask(SecretMask(secrets()).hideKnown(reply))
        guard let complete = complete() else { return masked }
        if reply.count >= echoBytesMin, SecretMask(ofPeople(in: complete)).finds(in: reply) {
            return Array(hidden.utf8)
        }
        return SecretMask.hideLongNumbers(masked)
    }

    /// Names, addresses, narrations and the numbers of accounts and persons: texts of words, and of many digits.
    private static func ofPeople(in body: [UInt8]) -> [String] {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: body)
        } catch {
            return []
        }
        var found: [String] = []
        collect(value, &found)
        return found
    }

    private static func collect(_ value: JSONValue, _ found: inout [String]) {
        switch value {
        case .object(let members): for member in members.values { collect(member, &found) }
        case .array(let elements): for element in elements { collect(element, &found) }
        case .string(let text):
            let bytes = text.utf8
            let isNumber = digits.contains(bytes.count) && bytes.allSatisfy { (48...57).contains($0) }
            let isOfWords = bytes.count >= wordsBytesMin && bytes.contains { $0 == 0x20 || $0 == UInt8(ascii: "@") }
            if isNumber || isOfWords { found.append(text) }
        default: break
        }
    }
}
