import Domain

/// The name of one request, in every reply's header and in every error's body.
enum RequestID {
    static let lengthMax = 128

    /// A client's own id is kept when it is sane, so that it can search its logs and ours by one word.
    static func choose(_ sent: String?, runtime: any Runtime) -> String {
        if let sent, isSane(sent) { return sent }
        let id: ID<RequestName> = runtime.newID()
        return "req_" + id.hex
    }

    static func isSane(_ text: String) -> Bool {
        (1...lengthMax).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":")].contains(byte)
            }
    }

    private enum RequestName {}
}
