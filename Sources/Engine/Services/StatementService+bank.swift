import Connectors
import Domain

extension StatementService {
    /// A note where a file looks like the export of another bank than the one that it is uploaded for. A person may
    /// have chosen the wrong bank, or the wrong file; a bank may also write as another one does, so it is no refusal.
    /// - Parameter profile: the slug of what the file was read with.
    static func otherBank(
        _ profile: String?, of profiles: CSVProfiles, for institution: String
    ) -> [StatementPreview.Note] {
        guard let slug = profile.flatMap({ profiles.find($0) })?.institution,
            let found = InstitutionCatalog.find(slug), let asked = InstitutionCatalog.find(slugOrID: institution),
            !line(found).contains(asked.id), !line(asked).contains(found.id)
        else { return [] }
        return [
            StatementPreview.Note(
                kind: "other_bank",
                message:
                    "This looks like a statement of \(found.name), not of \(asked.name). Check that it is the right "
                    + "file before you go on.", place: nil)
        ]
    }

    /// A bank that was taken over writes as the one that took it.
    private static func line(_ institution: Institution) -> [ID<Institution>] {
        InstitutionCatalog.directory.line(of: institution).map(\.id)
    }
}
