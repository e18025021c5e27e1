import Domain
import Storage

/// Says of the connections that a reply shows how fresh they are. It is read for every reply, also for one whose rows
/// were kept: a run that finds nothing new changes no row, and yet the data is fresher.
struct FreshnessService {
    let core: Core

    /// Objects, separated by commas.
    func write(
        _ facts: [FreshnessFacts], in environment: Domain.Environment, _ forms: any RowForms
    ) -> [UInt8] {
        guard !facts.isEmpty else { return [] }
        let now = environment.virtual(core.runtime.now())
        var out = JSONWriter(capacity: 512 * facts.count)
        out.array { out in
            for one in facts {
                let budget = core.gate.budget(one.institution, environment, core)
                forms.freshness(one.freshness(budget, at: now), &out)
            }
        }
        return Array(out.bytes.dropFirst().dropLast())
    }
}

extension ReadService {
    /// A listing with how fresh its connections are.
    func fresh(
        _ listing: Listing, _ facts: [FreshnessFacts], _ environment: Domain.Environment, _ form: ItemForm
    ) -> Listing {
        guard listing.connections != nil else { return listing }
        var fresh = listing
        fresh.facts = []
        fresh.freshness = FreshnessService(core: core).write(facts, in: environment, form.forms)
        return fresh
    }
}
