extension Migrations {
    /// Not used yet.
    static let m0010 = Migration(number: 10, name: "lineage", shared: "")
}
