extension Migrations {
    /// Not used yet.
    static let m0012 = Migration(number: 12, name: "completeness", shared: "")
}
