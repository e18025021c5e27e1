/// Reads the account messages of ISO 20022 in pieces: CAMT.052 (report), CAMT.053 (statement) and CAMT.054
/// (notification), of any version and under any namespace or envelope.
///
/// One entry (`Ntry`) is one row, also when it bundles several payments: the entry is what moves the balance.
public struct CAMTParser: StatementParser {
    /// nil until the message's own element was read.
    public var format: StatementFormat? { message.format }

    /// Events are told after each slice, so that a piece of any size needs little memory.
    private static let sliceBytes = 64 << 10
    private var xml: XMLReader
    private var message: CAMTMessage

    public init(limits: StatementLimits = StatementLimits()) {
        xml = XMLReader(limits: limits)
        message = CAMTMessage()
    }

    public mutating func feed(
        _ bytes: UnsafeRawBufferPointer, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        var start = 0
        while start < bytes.count {
            let end = min(start + Self.sliceBytes, bytes.count)
            var fault: StatementError?
            do {
                try xml.feed(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), &message)
            } catch {
                fault = error
            }
            for event in message.take() { try tell(event) }
            if let fault { throw fault }
            start = end
        }
    }

    public mutating func finish(_ tell: (StatementEvent) throws(StatementError) -> Void) throws(StatementError) {
        try xml.finish()
        try message.finish()
        for event in message.take() { try tell(event) }
    }
}
