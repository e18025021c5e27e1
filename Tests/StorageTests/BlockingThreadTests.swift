import Testing

@testable import Storage

struct BlockingThreadTests {
    @Test("items come out in order, in batches, until the queue is closed and empty")
    func order() throws {
        let queue = BlockingQueue<Int>(countMax: 10)
        for number in 0..<10 { try queue.push(number) }
        #expect(throws: StorageError.self) { try queue.push(10) }
        #expect(queue.nextBatch(max: 4) == [0, 1, 2, 3])
        #expect(queue.next() == 4)
        try queue.push(10)
        queue.close()
        #expect(throws: StorageError.self) { try queue.push(11) }
        #expect(queue.nextBatch(max: 100, expected: 50, lingerMicroseconds: 1_000_000) == [5, 6, 7, 8, 9, 10])
        #expect(queue.next() == nil)
    }

    @Test("a taker that lingers goes on when enough came, or when the time is over")
    func lingering() async throws {
        let queue = BlockingQueue<Int>(countMax: 1000)
        let (batches, taken) = AsyncStream<[Int]>.makeStream()
        try BlockingThread.start {
            // So long that the test would not end by it.
            while let batch = queue.nextBatch(max: 100, expected: 3, lingerMicroseconds: 600_000_000) {
                taken.yield(batch)
            }
            taken.finish()
        }
        for number in 0..<3 { try queue.push(number) }
        var iterator = batches.makeAsyncIterator()
        #expect(await iterator.next() == [0, 1, 2])
        try queue.push(3)
        queue.close()
        #expect(await iterator.next() == [3])
        #expect(await iterator.next() == nil)
        let short = BlockingQueue<Int>(countMax: 10)
        try short.push(1)
        #expect(short.nextBatch(max: 10, expected: 5, lingerMicroseconds: 100) == [1])
    }

    @Test("nothing is lost or doubled with many who push and many who take")
    func crowd() async throws {
        let queue = BlockingQueue<Int>(countMax: 100_000)
        let tally = Tally()
        let (ends, ended) = AsyncStream<Void>.makeStream()
        for _ in 0..<4 {
            try BlockingThread.start {
                while let number = queue.next() { tally.add(number) }
                ended.yield()
            }
        }
        await withTaskGroup(of: Void.self) { group in
            for start in 0..<8 {
                group.addTask { for number in 0..<1000 { do { try queue.push(start * 1000 + number) } catch {} } }
            }
        }
        queue.close()
        var iterator = ends.makeAsyncIterator()
        for _ in 0..<4 { _ = await iterator.next() }
        #expect((0..<8000).allSatisfy { tally[$0] == 1 })
        #expect(tally.total == 8000)
    }
}
