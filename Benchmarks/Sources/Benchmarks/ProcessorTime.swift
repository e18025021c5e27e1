import Foundation
import Glibc

/// Seconds of processor time that processes have used, read from `/proc`.
struct ProcessorTime {
    var own: Double
    var bank: Double
    var database: Double

    /// - Parameters:
    ///   - bank: its process, if there is one.
    ///   - postmaster: the server whose connections' processes are counted.
    static func now(bank: Int32?, postmaster: Int32?) -> ProcessorTime {
        ProcessorTime(
            own: used(getpid()) ?? 0, bank: bank.flatMap(used) ?? 0,
            database: postmaster.map { children(of: $0).reduce(0) { $0 + (used($1) ?? 0) } } ?? 0)
    }

    static func - (left: Self, right: Self) -> Self {
        ProcessorTime(own: left.own - right.own, bank: left.bank - right.bank, database: left.database - right.database)
    }

    /// Of a whole processor, by parts.
    func told(over seconds: Double) -> String {
        func share(_ value: Double) -> String { String(format: "%.2f", value / seconds) }
        return "processors: kubewa \(share(own))"
            + (database > 0 ? ", PostgreSQL \(share(database))" : "") + (bank > 0 ? ", bank \(share(bank))" : "")
    }

    /// What this process holds in memory now.
    static func residentMegabytes() -> Int {
        let text = FileManager.default.contents(atPath: "/proc/self/statm").map { String(decoding: $0, as: UTF8.self) }
        let pages = text?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * Int(sysconf(Int32(_SC_PAGESIZE))) / 1_000_000
    }

    private static func fields(_ process: Int32) -> [Substring]? {
        guard
            let text = FileManager.default.contents(atPath: "/proc/\(process)/stat").map({
                String(decoding: $0, as: UTF8.self)
            }), let end = text.lastIndex(of: ")")
        else { return nil }
        return text[text.index(after: end)...].split(separator: " ")
    }

    private static func used(_ process: Int32) -> Double? {
        guard let fields = fields(process), fields.count > 12, let user = Double(fields[11]),
            let system = Double(fields[12])
        else { return nil }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    private static func children(of parent: Int32) -> [Int32] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return all.compactMap { Int32($0) }.filter { fields($0).map { Int32($0[1]) == parent } ?? false }
    }
}
