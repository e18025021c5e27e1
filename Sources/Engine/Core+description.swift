/// Services hold a core, and the service group describes them in its debug log: what a core holds is no part of that.
extension Core: CustomStringConvertible, CustomDebugStringConvertible {
    public var description: String { "Core" }
    public var debugDescription: String { description }
}
