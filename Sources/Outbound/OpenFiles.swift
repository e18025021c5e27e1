import CProcess

/// How many files and sockets this process may have open.
public enum OpenFiles {
    private static let wanted: UInt64 = 65_536
    /// Of the files, one in so many may be a request to a webhook receiver.
    private static let share: UInt64 = 4
    private static let requestsMin: UInt64 = 64

    /// Raises the soft limit, which is 1,024 on many systems, as far as the hard one allows.
    /// - Returns: the limit; 0 when the system does not tell.
    @discardableResult
    public static func raise() -> Int { Int(clamping: kubewa_raise_open_files(wanted)) }

    /// - Parameter wish: requests under way to webhook receivers, all together.
    /// - Returns: as many of them as leave files for everything else.
    public static func requests(_ wish: Int, of limit: Int) -> Int {
        limit == 0 ? wish : min(wish, Int(max(UInt64(limit) / share, requestsMin)))
    }
}
