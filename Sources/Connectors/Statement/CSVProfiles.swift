import FoundationEssentials

/// The CSV profiles that a node knows: the built-in ones, and files that add to them or override them by their slug.
public struct CSVProfiles: Sendable {
    /// A profile with where it comes from.
    public struct Source: Sendable {
        public let profile: CSVProfile
        /// nil for one that comes with Kubewa.
        public let file: String?
        /// True when a file's profile stands in the place of a built-in one.
        public let isOverride: Bool
    }

    /// The largest file of a profile.
    public static let fileBytesMax = 256 << 10

    /// The operator's first, then the built-in ones that none of them overrides.
    public let all: [Source]

    /// Those that come with Kubewa.
    public static let builtIn: CSVProfiles = {
        do {
            return CSVProfiles(
                all: try CSVBuiltIn.texts.map { (text) throws(StatementError) in
                    Source(
                        profile: try CSVProfileReader.read(text.utf8, file: "built-in"), file: nil, isOverride: false)
                })
        } catch {
            preconditionFailure("a built-in profile is wrong: \(error)")
        }
    }()

    private init(all: [Source]) { self.all = all }

    /// Adds profiles to the built-in ones.
    /// - Throws: `bad_profile` that names file, member and what is allowed.
    public init(files: [(name: String, bytes: [UInt8])]) throws(StatementError) {
        var own: [Source] = []
        for file in files {
            let profile = try CSVProfileReader.read(file.bytes, file: file.name)
            if let twin = own.first(where: { $0.profile.slug == profile.slug }) {
                throw StatementError(
                    .badProfile, "\(file.name): `slug` is also that of \(twin.file ?? ""); allowed: one of its own.")
            }
            let isOverride = Self.builtIn.find(profile.slug) != nil
            own.append(Source(profile: profile, file: file.name, isOverride: isOverride))
        }
        let slugs = Set(own.map(\.profile.slug))
        all = own + Self.builtIn.all.filter { !slugs.contains($0.profile.slug) }
    }

    /// The built-in profiles and those of a folder's files `*.json`, by their names' order.
    /// - Throws: `bad_profile` for a file with a mistake, or that cannot be read; a folder that is not there is empty.
    public init(folder: String) throws(StatementError) {
        let names: [String]
        do {
            guard FileManager.default.fileExists(atPath: folder) else {
                self = Self.builtIn
                return
            }
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            throw StatementError(.badProfile, "\(folder): the folder of profiles cannot be read.")
        }
        var files: [(String, [UInt8])] = []
        for name in names.filter({ $0.hasSuffix(".json") }).sorted() {
            files.append((name, try Self.read(folder, name)))
        }
        try self.init(files: files)
    }

    /// nil when no profile has this slug.
    public func find(_ slug: String) -> CSVProfile? { all.first { $0.profile.slug == slug }?.profile }

    private static func read(_ folder: String, _ name: String) throws(StatementError) -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: "\(folder)/\(name)") else {
            throw StatementError(.badProfile, "\(name): the file cannot be read.")
        }
        guard data.count <= fileBytesMax else {
            throw StatementError(.badProfile, "\(name): the file is larger than \(fileBytesMax >> 10) KiB.")
        }
        return Array(data)
    }
}
