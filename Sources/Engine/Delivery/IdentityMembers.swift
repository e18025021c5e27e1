import Domain

/// What is told of a person, in webhooks and in replies alike.
public enum IdentityMembers {
    /// Writes the members into an object that is open.
    public static func write(_ details: IdentityDetails, _ out: inout JSONWriter) {
        out.member("firstname", details.firstName)
        out.member("middlename", details.middleName)
        out.member("lastname", details.lastName)
        out.member("fullname", details.fullName)
        out.member("bvn", details.bvn)
        out.member("nin", details.nin)
        out.member("dob", details.dob)
        out.member("gender", details.gender)
        out.member("marital_status", details.maritalStatus)
        out.member("level_of_account", details.levelOfAccount)
        out.member("nationality", details.nationality)
        out.member("lga_of_origin", details.lgaOfOrigin)
        out.member("lga_of_residence", details.lgaOfResidence)
        out.member("state_of_origin", details.stateOfOrigin)
        out.member("state_of_residence", details.stateOfResidence)
        out.texts("aliases", details.aliases)
        out.texts("phone", details.phones)
        out.texts("email", details.emails)
        out.texts("address", details.addresses)
        out.texts("next_of_kins", details.nextOfKins)
        out.array("photo_id") { out in
            for (number, url) in details.photoURLs.enumerated() {
                out.object { out in
                    out.member("_id", "photo_\(number + 1)")
                    out.member("url", url)
                    out.member("image_type", "bvn_photo")
                }
            }
        }
    }
}
