import Domain
import Testing

struct TimeTests {
    @Test("days of four centuries and the ends of the calendar are read back from their text")
    func days() throws {
        let first = try #require(LocalDate("1600-01-01")).dayNumber
        let near = try #require(LocalDate("1999-01-01")).dayNumber
        for number in Array(stride(from: first, to: first + 146_097 + 366, by: 11)) + Array(near..<near + 10_000) {
            let day = LocalDate(dayNumber: number)
            let (year, month, date) = day.civil
            guard LocalDate(day.iso) == day, LocalDate(year: year, month: month, day: date) == day else {
                Issue.record("day \(number) is \(day.iso)")
                return
            }
        }
        for text in ["0001-01-01", "9999-12-31", "1970-01-01", "2024-02-29"] {
            #expect(LocalDate(text)?.iso == text)
        }
        #expect(LocalDate("1970-01-01")?.dayNumber == 0)
        #expect(LocalDate("2000-03-01")?.dayNumber == 11_017)
    }

    @Test("weekdays run from Monday 0, also before 1970")
    func weekdays() {
        #expect(LocalDate("2024-02-26")?.weekday == 0)
        #expect(LocalDate("2024-03-03")?.weekday == 6)
        #expect(LocalDate("1969-12-28")?.weekday == 6)
    }

    @Test(
        "what is no day is refused",
        arguments: [
            "", "2024-2-1", "2024-13-01", "2024-00-10", "2023-02-29", "1900-02-29", "2024-04-31", "2024-01-00",
            "2024-01-01 ", "2024-01/01", "20240101", "0000-01-01", "-024-01-01", "2024-01-0x", "٢٠٢٤-01-01",
        ])
    func badDays(text: String) {
        #expect(LocalDate(text) == nil)
    }

    @Test("the slashes of older documents are read")
    func slashes() { #expect(LocalDate("2022/01/31")?.iso == "2022-01-31") }

    @Test("moments are read back from their text, for many of them")
    func moments() {
        var random = SeededRandom(seed: 2)
        for _ in 0..<5000 {
            // 0001 to 9999.
            let moment = Instant(ms: Int64(random.next() % 315_537_897_600_000) - 62_135_596_800_000)
            #expect(Instant(iso: moment.iso) == moment, "\(moment.ms)")
        }
        #expect(Instant(ms: 0).iso == "1970-01-01T00:00:00.000Z")
        #expect(Instant(ms: -1).iso == "1969-12-31T23:59:59.999Z")
        #expect(Instant(ms: 1_685_985_179_729).iso == "2023-06-05T17:12:59.729Z")
    }

    @Test(
        "offsets and fractions of any length are understood",
        arguments: [
            ("2023-06-05T17:12:59Z", "2023-06-05T17:12:59.000Z"), ("2023-06-05 17:12:59", "2023-06-05T17:12:59.000Z"),
            ("2023-06-05T17:12:59.5Z", "2023-06-05T17:12:59.500Z"),
            ("2023-06-05T17:12:59.1239", "2023-06-05T17:12:59.123Z"),
            ("2023-06-05T00:12:59+01:00", "2023-06-04T23:12:59.000Z"),
            ("2023-06-05T17:12:59.729-0330", "2023-06-05T20:42:59.729Z"),
        ])
    func offsets(text: String, iso: String) { #expect(Instant(iso: text)?.iso == iso) }

    @Test(
        "what is no moment is refused",
        arguments: [
            "", "2023-06-05", "2023-06-05T25:00:00Z", "2023-06-05T17:60:00Z", "2023-06-05T17x12x59Z",
            "2023-06-05T17:12:59.Z", "2023-06-05T17:12:59+1", "2023-06-05T17:12:59+24:00", "2023-06-05T17:12:59Zulu",
            "2023-06-05T17:12:59*01:00", "2023-06-05T17:12:59+0:100", "2023-02-30T17:12:59Z",
        ])
    func badMoments(text: String) { #expect(Instant(iso: text) == nil) }

    @Test("a day in Lagos begins at 23:00 UTC of the day before")
    func lagos() throws {
        let day = try #require(LocalDate("2024-03-01"))
        #expect(day.start().iso == "2024-02-29T23:00:00.000Z")
        #expect(day.start().day() == day)
        #expect((day.start() + -1).day() == day.adding(days: -1))
        #expect(Instant(ms: -1).day(offsetMinutes: 0).iso == "1969-12-31")
    }
}
