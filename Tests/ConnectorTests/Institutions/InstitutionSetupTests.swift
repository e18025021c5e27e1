import Connectors
import Domain
import Testing

/// The built-in list, and what an operator's files make of it.
struct InstitutionSetupTests {
    private func setup(_ texts: String...) throws(InstitutionMistake) -> InstitutionSetup {
        try InstitutionSetup(
            files: texts.enumerated().map { (name: "file\($0.offset).json", bytes: Array($0.element.utf8)) })
    }

    private func mistake(_ text: String) -> String {
        do throws(InstitutionMistake) {
            _ = try setup(text)
            return "no mistake"
        } catch {
            return error.description
        }
    }

    @Test("a bank is found by slug, alias, CBN and NIP code, and id; a code of two brands means the bank")
    func names() {
        let directory = InstitutionDirectory.builtIn
        let cases = [
            "access-bank": "access-bank", "ACCESS": "access-bank", "044": "access-bank", "000014": "access-bank",
            "5d6fe57a4099cc4b210bbec0": "access-bank", "035": "wema-bank", "000017": "wema-bank",
            "51455": "5tt-microfinance-bank", "skye-bank": "polaris-bank", "diamond": "access-bank-diamond",
            "063": "access-bank-diamond",
        ]
        for (name, slug) in cases { #expect(directory.find(slugOrID: name)?.slug == slug, "\(name)") }
        for name in ["", "44", "no-bank", "5d6fe57a4099cc4b210bbeff"] {
            #expect(directory.find(slugOrID: name) == nil, "\(name)")
        }
    }

    @Test("an institution that was taken over leads to its successor and keeps its own slug")
    func successors() throws {
        let directory = InstitutionDirectory.builtIn
        let diamond = try #require(directory.find("diamond"))
        #expect(directory.line(of: diamond).map(\.slug) == ["access-bank-diamond", "access-bank"])
        let access = try #require(directory.find("access"))
        #expect(directory.line(of: access) == [access])
    }

    @Test("an account number fits about one institution in ten, its own always")
    func fitting() throws {
        let number = try #require(AccountNumber.make(institutionCode: "000044", serial: "012345678"))
        let fitting = InstitutionDirectory.builtIn.fitting(accountNumber: number)
        #expect(fitting.contains { $0.slug == "access-bank" })
        let coded = InstitutionDirectory.builtIn.all.filter { $0.nubanCode != nil }.count
        #expect(fitting.count > coded / 25 && fitting.count < coded / 4)
        #expect(InstitutionDirectory.builtIn.fitting(accountNumber: "12345").isEmpty)
    }

    @Test("a file adds institutions and changes members of known ones; the others stay as they are")
    func institutions() throws {
        let made = try setup(
            """
            {"institutions": [
              {"slug": "palm-coast-bank", "name": "Palm Coast Bank", "cbn_code": "999", "nip_code": "999999",
               "aliases": ["palm"]},
              {"slug": "zenith-bank", "name": "Zenith", "ussd": "*1#"},
              {"slug": "nova-bank", "successor": "palm-coast-bank"}]}
            """
        ).directory
        let palm = try #require(made.find("PALM"))
        #expect(palm.name == "Palm Coast Bank" && palm.nubanCode == "000999" && palm.country == "NG")
        #expect(made.find("999999") == palm && made.find(id: palm.id) == palm)
        let zenith = try #require(made.find("057"))
        #expect(zenith.name == "Zenith" && zenith.ussd == "*1#" && zenith.nipCode == "000015")
        #expect(zenith.id == InstitutionDirectory.builtIn.find("zenith-bank")?.id)
        #expect(made.line(of: try #require(made.find("nova"))).last == palm)
        #expect(made.all.count == InstitutionDirectory.builtIn.all.count + 1)
    }

    @Test("a later file counts over an earlier one")
    func order() throws {
        let made = try setup(
            #"{"institutions": [{"slug": "x-bank", "name": "First"}]}"#,
            #"{"institutions": [{"slug": "x-bank", "name": "Second"}]}"#)
        #expect(made.directory.find("x-bank")?.name == "Second")
    }

    @Test("a file with a rule alone is a rule; programs get their names from their files")
    func rules() throws {
        let made = try setup(
            #"{"connector": "exec", "command": ["/opt/palm"], "institutions": ["kuda-bank", "011"]}"#,
            #"{"serve": [{"connector": "mono", "institutions": "all", "country": "NG", "priority": 5}]}"#)
        #expect(made.programs.map(\.connector) == ["exec:file0"])
        #expect(made.programs.first?.institutions == ["kuda-bank", "first-bank-of-nigeria"])
        #expect(
            made.rules == ServingRule.builtIn + [
                ServingRule(
                    "exec:file0", institutions: ["kuda-bank", "first-bank-of-nigeria"], environments: [.production]),
                ServingRule("mono", country: "NG", environments: [.production], priority: 5),
            ])
    }

    @Test(
        "a mistake names the file, the member and what is allowed",
        arguments: [
            ("[]", "The file file0.json is not a JSON object"),
            ("{", "The file file0.json is not valid JSON"),
            (#"{"banks": []}"#, "In file0.json, `banks` is not known. Allowed are institutions, serve."),
            (#"{"institutions": [{"name": "X"}]}"#, "`institutions[0]` needs a `slug`"),
            (#"{"institutions": [{"slug": "x-bank"}]}"#, "`institutions[0]` needs a `name`"),
            (#"{"institutions": [{"slug": "X Bank", "name": "X"}]}"#, "`institutions[0].slug` must be lower case"),
            (#"{"institutions": [{"slug": "044", "name": "X"}]}"#, "`institutions[0].slug` must be lower case"),
            (#"{"institutions": [{"slug": "x-bank", "name": "X", "cbn_code": 44}]}"#, "`institutions[0].cbn_code`"),
            (
                #"{"institutions": [{"slug": "x-bank", "name": "X", "logo": ""}]}"#,
                "`institutions[0].logo` is not known"
            ),
            (#"{"institutions": [{"slug": "nova-bank", "successor": "y"}]}"#, "`institutions[0].successor` must be"),
            (
                #"{"institutions": [{"slug": "access-bank", "successor": "diamond"}]}"#,
                "`institutions[0].successor` must be the slug"
            ),
            (
                #"{"institutions": [{"slug": "access-bank", "successor": "access-bank-diamond"}]}"#,
                "`institutions[0].successor` leads back"
            ),
            (#"{"institutions": [{"slug": "alat", "aliases": ["kuda-bank"]}]}"#, "has `kuda-bank`, which is the slug"),
            (
                #"{"institutions": [{"slug": "alat", "id": "5d6fe57a4099cc4b210bbec0"}]}"#,
                "`institutions[0].id` is the id of another"
            ),
            (#"{"serve": [{"institutions": "all"}]}"#, "`serve[0]` needs a `connector`"),
            (#"{"serve": [{"connector": "mono"}]}"#, "`serve[0].institutions` must be \"all\""),
            (#"{"serve": [{"connector": "mono", "institutions": ["no"]}]}"#, "`serve[0].institutions[0]` is `no`"),
            (
                #"{"serve": [{"connector": "mono", "institutions": "all", "environments": ["live"]}]}"#,
                "`serve[0].environments` must be a list"
            ),
            (
                #"{"serve": [{"connector": "mono", "institutions": "all", "priority": 2000}]}"#,
                "`serve[0].priority` must be a whole number from -1000 to 1000"
            ),
            (#"{"connector": "exec", "institutions": ["alat"]}"#, "`command` is a list of texts"),
            (#"{"connector": "exec", "institutions": "all", "command": ["/x"]}"#, "`institutions` must list"),
            (
                #"{"serve": [{"connector": "exec", "institutions": ["alat"], "command": ["/x"]}]}"#,
                "`serve[0]` needs a `name`"
            ),
            (
                #"{"connector": "exec", "institutions": ["alat"], "command": ["/x"], "limits": {"cpu": 1}}"#,
                "`limits.cpu` is not known"
            ),
        ])
    func mistakes(_ text: String, _ told: String) {
        let description = mistake(text)
        #expect(description.contains(told), "\(description)")
        #expect(description.contains("file0.json"))
    }

    @Test("two programs of one name are a mistake")
    func twins() {
        let program = #"{"connector": "exec", "name": "palm", "command": ["/x"], "institutions": ["alat"]}"#
        #expect(throws: InstitutionMistake.self) { try setup(program, program) }
    }
}
