import Domain
import Testing

@Suite("Epochs of a database")
struct EpochTests {
    private static let january = Instant(ms: 1_705_309_200_000)

    @Test("every id tells its epoch, and the ids of two epochs never meet")
    func ids() {
        #expect(Epoch.of(id: 1) == 1)
        for epoch in [Int64(1), 2, 3, 52_704, 2_000_000] {
            let first = Epoch.firstID(of: epoch)
            #expect(Epoch.of(id: first) == epoch)
            #expect(Epoch.of(id: Epoch.firstID(of: epoch + 1) - 1) == epoch)
            #expect(first >= 0)
        }
    }

    @Test("an epoch is later than all that are known, and than one that a lost copy may have begun before")
    func next() {
        let first = Epoch.next(after: 1, at: Self.january)
        #expect(first > 1)
        // The same copy, put back once more a quarter of an hour later, knows nothing of that epoch.
        #expect(Epoch.next(after: 1, at: Self.january + 900_000) > first)
        #expect(Epoch.next(after: first, at: Self.january) == first + 1)
        #expect(Epoch.next(after: 7, at: Instant(ms: 0)) == 8, "a clock that is wrong goes no way back")
    }

    @Test("a mark reads back as it was written, and nothing else is one")
    func text() {
        for mark in [Self.outside(), Self.outside(beat: Int64.max, file: "", isClean: true)] {
            #expect(OutsideMark(text: mark.text) == mark)
        }
        for text in ["", "kubewa", "kubewa d 1 2 7", "kubewa d x 2 7 1", "other d 1 2 7 1", "kubewa d 1 2 7 2"] {
            #expect(OutsideMark(text: text) == nil, "\(text)")
        }
    }

    // MARK: the rule

    private static func inside(
        _ database: String = "d", epoch: Int64 = 3, beat: Int64 = 40, identity: String = "here"
    ) -> DatabaseMark {
        DatabaseMark(database: database, epoch: epoch, beat: beat, identity: identity)
    }

    private static func outside(
        _ database: String = "d", epoch: Int64 = 3, beat: Int64 = 40, file: String = "7", isClean: Bool = false
    ) -> OutsideMark {
        OutsideMark(database: database, epoch: epoch, beat: beat, file: file, isClean: isClean)
    }

    private static func judge(
        _ inside: DatabaseMark, _ outside: OutsideMark?, needsOutside: Bool = true
    ) -> RestoreRule.Reason? {
        RestoreRule.judge(inside, outside, identity: "here", file: "7", needsOutside: needsOutside)
    }

    @Test("a database that is where it was and has come as far as was noted goes on")
    func same() {
        #expect(Self.judge(Self.inside(), Self.outside()) == nil)
        #expect(Self.judge(Self.inside(beat: 41), Self.outside()) == nil, "it ended before it could note the beat")
        #expect(Self.judge(Self.inside(epoch: 4, beat: 1), Self.outside(beat: 90)) == nil, "another node has begun one")
        #expect(Self.judge(Self.inside(), Self.outside(file: "8", isClean: true)) == nil, "its folder was moved")
        #expect(Self.judge(Self.inside(), nil, needsOutside: false) == nil, "a new node")
    }

    @Test("one that was never served is no restored one")
    func fresh() {
        let fresh = Self.inside("", epoch: 1, beat: 0, identity: "")
        #expect(Self.judge(fresh, nil) == nil)
        #expect(Self.judge(fresh, Self.outside()) == .older, "but where one was served before it is")
    }

    @Test("one that has come less far, or stands elsewhere, was restored")
    func restored() {
        #expect(Self.judge(Self.inside(beat: 39), Self.outside()) == .older)
        #expect(Self.judge(Self.inside(epoch: 2, beat: 90), Self.outside()) == .older)
        #expect(Self.judge(Self.inside(), Self.outside(file: "8")) == .moved)
        #expect(Self.judge(Self.inside(identity: "there"), Self.outside()) == .moved)
        #expect(Self.judge(Self.inside(identity: "there"), nil, needsOutside: false) == .moved)
        #expect(Self.judge(Self.inside(), nil) == .unmarked)
        #expect(Self.judge(Self.inside(), Self.outside("other", beat: 1)) == .unmarked, "the mark is of another one")
    }
}
