import Connectors
import Domain
import Testing

@Suite("CSV profiles")
struct CSVProfileTests {
    private func profiles(_ json: String, name: String = "mine.json") throws(StatementError) -> CSVProfiles {
        try CSVProfiles(files: [(name, Array(json.utf8))])
    }

    private func fault(_ json: String) -> String? {
        do throws(StatementError) {
            _ = try profiles(json)
            return nil
        } catch {
            return error.code == .badProfile ? error.message : nil
        }
    }

    private let mine = #"""
        {"slug": "my-bank", "name": "My bank", "delimiter": ";", "dates": "month_first", "sign": "reversed",
         "columns": {"date": ["Quand"], "text": ["Quoi"], "amount": ["Combien"]}, "required": ["text"],
         "before": {"account_number": ["Compte"]}, "skip": ["fin"], "currency": "XOF", "decimal": ",",
         "utc_offset_minutes": 0}
        """#

    @Test("the built-in ones are all right and have slugs of their own")
    func builtIn() {
        let all = CSVProfiles.builtIn.all
        #expect(all.count >= 14)
        #expect(Set(all.map(\.profile.slug)).count == all.count)
        #expect(all.allSatisfy { $0.file == nil && !$0.isOverride })
        let institutions = InstitutionCatalog.slugs
        for profile in all.compactMap(\.profile.institution) { #expect(institutions.contains(profile)) }
    }

    @Test("a file adds a profile without code, and it is used by headings alone")
    func adds() throws {
        let file = "Compte;0099\n\nQuoi;Quand;Combien\nPain;02/03/2024;1 500\nSalaire;02/04/2024;-20.000,00\nfin;;\n"
        let told = ParserPlay(StatementReader(profiles: try profiles(mine)), file)
        #expect(told.error == nil && told.notes.isEmpty)
        #expect(told.lines == ["2024-02-03 -1500 XOF", "2024-02-04 20000 XOF"])
        #expect(told.headers.first?.accountNumber == "0099")
        #expect(ParserPlay(StatementReader(), file).error?.code == .noProfile)
    }

    @Test("a file with a built-in slug stands in its place")
    func overrides() throws {
        let own = try profiles(mine.replacing("my-bank", with: "gtbank"))
        #expect(own.all.count == CSVProfiles.builtIn.all.count)
        #expect(own.all.first?.isOverride == true && own.all.first?.file == "mine.json")
        #expect(own.find("gtbank")?.currency == "XOF")
    }

    @Test(
        "a mistake is told with file, member and what is allowed",
        arguments: [
            ("{", "mine.json: this is no JSON."), (#"{"slug": "A B"}"#, "`slug`"),
            (#"{"slug": "a", "colums": {}}"#, "`colums` is no member of a profile; allowed: one of slug, name"),
            (#"{"slug": "a"}"#, "`columns`"),
            (#"{"slug": "a", "columns": {"date": ["d"]}}"#, "`columns` has no amounts"),
            (#"{"slug": "a", "columns": {"amount": ["d"]}}"#, "`columns.date` is missing"),
            (
                #"{"slug": "a", "columns": {"day": ["d"]}}"#,
                "`columns.day` is no column; allowed: date, time, value_date"
            ),
            (#"{"slug": "a", "columns": {"date": "d"}}"#, "`columns.date`"),
            (#"{"slug": "a", "columns": {"date": ["-"], "amount": ["a"]}}"#, "`columns.date`"),
            (
                #"{"slug": "a", "columns": {"date": ["d"], "amount": ["a"]}, "dates": "iso"}"#,
                "`dates` is not what it may be; allowed: \"day_first\", \"month_first\", \"year_first\", \"ask\""
            ),
            (#"{"slug": "a", "columns": {"date": ["d"], "amount": ["a"]}, "required": ["balance"]}"#, "`required`"),
            (#"{"slug": "a", "columns": {"date": ["d"], "amount": ["a"]}, "delimiter": "::"}"#, "`delimiter`"),
            (#"{"slug": "a", "columns": {"date": ["d"], "amount": ["a"]}, "currency": "naira"}"#, "`currency`"),
            (
                #"{"slug": "a", "columns": {"date": ["d"], "amount": ["a"]}, "before": {"iban": ["x"]}}"#,
                "`before.iban`"
            ),
            (
                #"{"slug": "a", "columns": {"date": ["d"], "amount": ["a"]}, "utc_offset_minutes": 5000}"#,
                "`utc_offset_minutes`"
            ),
            (#"{"slug": "a", "columns": {"date": ["d"], "amount": ["a"]}, "skip": [1]}"#, "`skip`"),
            (#"{"slug": "a", "columns": {"date": ["d"], "amount": ["a"]}, "general": "yes"}"#, "`general`"),
        ])
    func mistakes(json: String, told: String) {
        let message = fault(json)
        #expect(message?.hasPrefix("mine.json: ") == true)
        #expect(message?.contains(told) == true, "\(message ?? "no fault")")
    }

    @Test("two files of one slug contradict each other, and a folder that is not there is empty")
    func folders() throws {
        var code: StatementError.Code?
        do throws(StatementError) {
            _ = try CSVProfiles(files: [("a.json", Array(mine.utf8)), ("b.json", Array(mine.utf8))])
        } catch {
            code = error.code
        }
        #expect(code == .badProfile)
        let none = try CSVProfiles(folder: "/nowhere")
        #expect(none.all.count == CSVProfiles.builtIn.all.count)
    }
}
