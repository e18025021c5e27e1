/// Every migration, in order. A released one never changes.
public enum Migrations {
    public static let all: [Migration] = [m0001, m0002, m0003, m0004, m0005]
}
