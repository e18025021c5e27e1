/// The CSV profiles that a node knows: the built-in ones, and files that add to them or override them.
public struct CSVProfiles: Sendable {
    /// Those that come with Kubewa.
    public static let builtIn = CSVProfiles()
}
