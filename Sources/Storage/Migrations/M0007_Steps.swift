extension Migrations {
    /// Not used yet.
    static let m0007 = Migration(number: 7, name: "steps", shared: "")
}
