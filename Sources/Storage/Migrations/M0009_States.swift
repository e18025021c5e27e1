extension Migrations {
    /// Not used yet.
    static let m0009 = Migration(number: 9, name: "states", shared: "")
}
