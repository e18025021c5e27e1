import Domain
import Testing

@testable import Connectors

struct InstitutionCatalogTests {
    @Test("every institution has a slug, an id and a name of its own")
    func unique() {
        let all = InstitutionCatalog.all
        #expect(all.count == 315)
        #expect(Set(all.map(\.slug)).count == all.count && Set(all.map(\.id)).count == all.count)
        for one in all {
            #expect(!one.slug.isEmpty && !one.name.isEmpty && one.country == "NG")
            #expect(one.slug.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 })
            #expect(ID<Institution>(one.id.hex) == one.id)
            #expect(InstitutionCatalog.find(one.slug) == one && InstitutionCatalog.find(id: one.id) == one)
        }
    }

    @Test("codes have the digits that they must have")
    func codes() {
        for one in InstitutionCatalog.all {
            if let code = one.cbnCode { #expect([3, 5].contains(code.utf8.count) && Int(code) != nil, "\(one.slug)") }
            if let code = one.nipCode { #expect(code.utf8.count == 6 && Int(code) != nil, "\(one.slug)") }
            if let code = one.sortCode { #expect(code.utf8.count == 9 && Int(code) != nil, "\(one.slug)") }
            if let code = one.nubanCode { #expect(code.utf8.count == 6, "\(one.slug)") }
            if let code = one.ussd { #expect(code.hasPrefix("*"), "\(one.slug)") }
        }
    }

    @Test("Okra's ids and slugs are the main ones")
    func okra() {
        let known = [
            "ecobank-nigeria": "5d6fe57a4099cc4b210bbeae", "access-bank": "5d6fe57a4099cc4b210bbec0",
            "zenith-bank": "5d6fe57a4099cc4b210bbec2", "alat": "5d6fe57a4099cc4b210bbebe",
            "kuda-bank": "5f0cf73e8a8bcc18b8156ad7", "rubies-bank": "5f11487e847b28538bfc6c5f",
            "citibank": "611ff0ee412b11f1b2143bc5", "suntrust": "611ff0f4412b11f1b2143d6f",
            "globus": "611ff0f5412b11f1b2143d9e", "parallex": "611ff110412b11f1b2144669",
            "lotus": "6215fa7c6709f197ad344b8e", "opay": "611ff0f9412b11f1b2143e67",
        ]
        for (slug, id) in known { #expect(InstitutionCatalog.find(slug)?.id.hex == id, "\(slug)") }
        let zenith = InstitutionCatalog.find("zenith-bank")
        #expect(zenith?.cbnCode == "057" && zenith?.nipCode == "000015" && zenith?.nubanCode == "000057")
    }

    @Test("other names lead to the same institution, in any case")
    func aliases() {
        let cases = [
            "rubies-mfb": "rubies-bank", "citibank-nigeria": "citibank", "suntrust-bank": "suntrust",
            "globus-bank": "globus", "parallex-bank": "parallex", "lotus-bank": "lotus", "GTB": "guaranty-trust-bank",
            "Zenith-Bank": "zenith-bank",
        ]
        for (name, slug) in cases { #expect(InstitutionCatalog.find(name)?.slug == slug, "\(name)") }
        for (alias, slug) in InstitutionCatalog.aliases {
            #expect(InstitutionCatalog.find(slug) != nil && !InstitutionCatalog.slugs.contains(alias), "\(alias)")
        }
        #expect(InstitutionCatalog.find("") == nil && InstitutionCatalog.find("no-bank") == nil)
        #expect(InstitutionCatalog.find(slugOrID: "5d6fe57a4099cc4b210bbec2")?.slug == "zenith-bank")
    }

    @Test("an id that is not Okra's follows from the slug")
    func derived() {
        #expect(InstitutionCatalog.derivedID(slug: "abc").hex == "ba7816bf8f01cfea414140de")
        #expect(InstitutionCatalog.find("9psb")?.id == InstitutionCatalog.derivedID(slug: "9psb"))
    }
}
