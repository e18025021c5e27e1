extension Migrations {
    /// Not used yet.
    static let m0013 = Migration(number: 13, name: "simulator", shared: "")
}
