import Domain
import Engine
import HTTPTypes

/// People as their banks know them.
enum Identities {
    struct Get: Endpoint {
        static let route = EndpointRoute(
            method: .get, path: "/identities/{identity}", summary: "One person as the bank knows them.")

        static func handle(_ call: Call) async throws -> Reply {
            let found = try await call.services.reads.identities(
                .id(OkraBody.id(call.parameter("identity"))), PageRequest(limit: 1), in: call.environment(),
                as: NativeItems.identity)
            return try NativeItems.reply(found, "identity")
        }
    }
}

/// A person's members in the native API.
enum NativeIdentity {
    static func write(_ details: IdentityDetails, _ out: inout JSONWriter) {
        out.member("full_name", details.fullName)
        out.member("first_name", details.firstName)
        out.member("middle_name", details.middleName)
        out.member("last_name", details.lastName)
        out.member("bvn", details.bvn)
        out.member("nin", details.nin)
        out.member("date_of_birth", details.dob)
        out.member("gender", details.gender)
        out.member("marital_status", details.maritalStatus)
        out.texts("emails", details.emails)
        out.texts("phones", details.phones)
        out.texts("addresses", details.addresses)
        out.texts("aliases", details.aliases)
        out.texts("next_of_kin", details.nextOfKins)
        out.texts("photo_urls", details.photoURLs)
        out.member("nationality", details.nationality)
        out.member("lga_of_origin", details.lgaOfOrigin)
        out.member("lga_of_residence", details.lgaOfResidence)
        out.member("state_of_origin", details.stateOfOrigin)
        out.member("state_of_residence", details.stateOfResidence)
        out.member("account_level", details.levelOfAccount)
        out.member("enrollment_bank", details.enrollmentBank)
        out.member("enrollment_branch", details.enrollmentBranch)
        out.member("registered_on", details.registrationDate)
    }
}
