extension Migrations {
    /// Not used yet.
    static let m0008 = Migration(number: 8, name: "banks", shared: "")
}
