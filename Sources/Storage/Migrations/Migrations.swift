/// Every migration, in order. A released one never changes.
public enum Migrations {
    public static let all: [Migration] = [
        m0001, m0002, m0003, m0004, m0005, m0006, m0007, m0008, m0009, m0010, m0011, m0012, m0013,
        m0014, m0015, m0016, m0017, m0018, m0019, m0020, m0021, m0022, m0023, m0024, m0025,
    ]
}
