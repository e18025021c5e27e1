extension Migrations {
    /// Not used yet.
    static let m0011 = Migration(number: 11, name: "feeds", shared: "")
}
