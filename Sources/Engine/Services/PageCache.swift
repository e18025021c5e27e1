import Domain
import Storage
import Synchronization

/// Pages as they were last read. None is answered without asking the database whether its list still has the revision
/// that the page was read at, so that all nodes show what is committed.
final class PageCache: Sendable {
    struct Key: Hashable {
        let environmentID: Int64
        let list: String
        let page: PageRequest
        let form: ObjectIdentifier

        init(environmentID: Int64, list: String, page: PageRequest, form: ItemForm) {
            self.environmentID = environmentID
            self.list = list
            self.page = page
            self.form = ObjectIdentifier(form.identity)
        }
    }

    private struct Entry {
        let kept: Kept<Listing>
        /// Held, so that no other form gets its identity.
        let form: ItemForm.Identity
        var bytes: Int { kept.value.items.count + overheadBytes }
    }
    private static let overheadBytes = 256

    /// Two generations: when the young one has half of the room it becomes the old one, and the old one goes.
    private struct State {
        var young: [Key: Entry] = [:]
        var old: [Key: Entry] = [:]
        var youngBytes = 0
        var oldBytes = 0

        mutating func insert(_ entry: Entry, _ key: Key, bytesMax: Int) {
            youngBytes += entry.bytes - (young.updateValue(entry, forKey: key)?.bytes ?? 0)
            guard youngBytes > bytesMax / 2 else { return }
            old = young
            oldBytes = youngBytes
            young = [:]
            youngBytes = 0
        }

        /// A page of the old generation that is asked for is young again.
        mutating func takeOld(_ key: Key) -> Entry? {
            guard let entry = old.removeValue(forKey: key) else { return nil }
            oldBytes -= entry.bytes
            return entry
        }
    }

    private let bytesMax: Int
    private let state = Mutex(State())

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    var isOn: Bool { bytesMax > 0 }

    var bytes: Int { state.withLock { $0.youngBytes + $0.oldBytes } }

    func find(_ key: Key) -> Kept<Listing>? {
        state.withLock { state in
            if let entry = state.young[key] { return entry.kept }
            guard let entry = state.takeOld(key) else { return nil }
            state.insert(entry, key, bytesMax: bytesMax)
            return entry.kept
        }
    }

    /// A page that alone would take the room of many is not kept.
    func keep(_ kept: Kept<Listing>, _ key: Key, _ form: ItemForm) {
        let entry = Entry(kept: kept, form: form.identity)
        guard entry.bytes <= bytesMax / 16 else { return }
        state.withLock { $0.insert(entry, key, bytesMax: bytesMax) }
    }
}
