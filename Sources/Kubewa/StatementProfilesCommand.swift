import ArgumentParser
import Connectors
import Foundation

/// `kubewa statement profiles`: how CSV of each bank is read.
struct StatementProfilesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profiles", abstract: "How CSV statements are read: built-in profiles, and files of your own.",
        subcommands: [List.self, Check.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the profiles that are in use.")
        @OptionGroup var data: DataOptions

        func run() async throws {
            for source in try data.statementProfiles().all {
                let profile = source.profile
                let origin = source.file.map { source.isOverride ? "\($0), in the place of the built-in one" : $0 }
                Console.say("\(profile.slug)  \(profile.name)  \(origin ?? "built-in")")
            }
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check profiles, and with a CSV which of them reads it and what it makes of it.",
            discussion: "A profile with a mistake is told with its file, the member and what is allowed; status 1.")
        @OptionGroup var data: DataOptions
        @Argument(help: "A file of a profile; without one, all of the folder.") var file: String?
        @Option(help: "A CSV to read with it.") var csv: String?

        func run() async throws {
            do throws(StatementError) {
                let profiles = try profiles()
                let own = profiles.all.filter { $0.file != nil }
                Console.say(
                    "\(own.count) profiles of files and \(profiles.all.count - own.count) built-in ones are right.")
                if let csv { try read(csv, profiles, slug: file == nil ? nil : own.first?.profile.slug) }
            } catch {
                FileHandle.standardError.write(Data("\(error.description)\n".utf8))
                throw ExitCode(1)
            }
        }

        private func profiles() throws(StatementError) -> CSVProfiles {
            guard let file else { return try data.statementProfiles() }
            guard let bytes = FileManager.default.contents(atPath: file) else {
                throw StatementError(.badProfile, "\(file): the file cannot be read.")
            }
            return try CSVProfiles(files: [(file, Array(bytes))])
        }

        private func read(_ csv: String, _ profiles: CSVProfiles, slug: String?) throws(StatementError) {
            guard let bytes = FileManager.default.contents(atPath: csv) else {
                throw StatementError(.empty, "\(csv): the file cannot be read.")
            }
            var reader = StatementReader(name: csv, profiles: profiles, profile: slug)
            var notes: [StatementNote] = []
            func take(_ event: StatementEvent) { if case .note(let note) = event { notes.append(note) } }
            let pieces = [UInt8](bytes)
            try pieces.withUnsafeBufferPointer { piece throws(StatementError) in
                try reader.feed(UnsafeRawBufferPointer(piece)) { event throws(StatementError) in take(event) }
            }
            try reader.finish { event throws(StatementError) in take(event) }
            let used = reader.dialect?.profile ?? reader.dialect?.format.rawValue ?? ""
            Console.say("\(csv) is read by \(used): \(reader.rows) rows, \(notes.count + reader.notesDropped) notes.")
            for note in notes { Console.say("note: \(note.message)\(note.place.map { " (at \($0))" } ?? "")") }
        }
    }
}

extension DataOptions {
    /// The built-in profiles and the folder's; only a folder that was named must be there.
    func statementProfiles() throws(StatementError) -> CSVProfiles {
        if let profiles, !FileManager.default.fileExists(atPath: profiles) {
            throw StatementError(.badProfile, "The folder of profiles \(profiles) is not there. Check --profiles.")
        }
        return try CSVProfiles(folder: profiles ?? "\(data)/profiles")
    }
}
