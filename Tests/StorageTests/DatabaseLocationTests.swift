import Storage
import Testing

struct DatabaseLocationTests {
    @Test(
        "paths and URLs are told apart",
        arguments: [
            ("data/kubewa.db", DatabaseLocation.sqlite(path: "data/kubewa.db")),
            ("/var/kubewa.db", .sqlite(path: "/var/kubewa.db")), ("sqlite:kubewa.db", .sqlite(path: "kubewa.db")),
            ("sqlite:///var/kubewa.db", .sqlite(path: "/var/kubewa.db")),
            ("postgres://u@h/db", .postgres(url: "postgres://u@h/db")),
            ("postgresql://h:5433/db?sslmode=require", .postgres(url: "postgresql://h:5433/db?sslmode=require")),
        ])
    func forms(text: String, expected: DatabaseLocation) throws {
        #expect(try DatabaseLocation(text) == expected)
    }

    @Test(
        "the servers that a URL names are known, however it names them",
        arguments: [
            ("sqlite:kubewa.db", []), ("postgres://u:p@db.internal:5433/kubewa", ["db.internal:5433"]),
            ("postgres://u@10.2.3.4:6000,[fd12::1]:6001/x", ["10.2.3.4:6000", "fd12::1:6001"]),
            ("postgres:///x?host=/var/run/postgresql&port=5555", [":5555"]),
            ("postgres://name:5434/x?hostaddr=10.9.9.9", ["10.9.9.9:5434"]),
            ("postgres://a,b/x?port=7000", ["a:7000", "b:7000"]),
        ])
    func servers(text: String, expected: [String]) throws {
        #expect(try DatabaseLocation(text).servers.map { "\($0.host):\($0.port)" } == expected)
    }

    @Test(
        "anything else is refused with what to write",
        arguments: [
            "", "sqlite:", "mysql://u:p4ss@h/db", ":memory:", "folder/", "sqlite://host/x",
        ])
    func refused(text: String) {
        do {
            let location = try DatabaseLocation(text)
            Issue.record("\(location) was taken")
        } catch {
            #expect(error.description.contains("postgres://"))
            #expect(!error.description.contains("p4ss"))
        }
    }

    @Test(
        "a password is never shown",
        arguments: [
            ("postgres://user:s3cret@host:5432/db", "postgres://user@host:5432/db"),
            ("postgres://user:s3@cr:et@host/db", "postgres://user@host/db"),
            ("postgres://host/db?password=s3cret", "postgres://host/db?…"),
            ("postgres://host/db", "postgres://host/db"),
        ])
    func description(url: String, shown: String) throws {
        #expect(try DatabaseLocation(url).description == shown)
    }
}
